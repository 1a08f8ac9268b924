"""Creates the augmented examples that a training run with the same seed would use."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable
from typing import Any

import jax
import numpy as np

from jaxseg.config import DataConfig
from jaxseg.data.augment.stages import check_augment
from jaxseg.data.source import Source
from jaxseg.data.training_example import Drawn, drawn_example
from jaxseg.training.step import augment


@dataclasses.dataclass(frozen=True)
class Example:
    """Contains one augmented example and the random parameters of its augmentation.

    Attributes:
      position: The position in the stream of training examples.
      name: The name of the pair of files.
      size: The (H, W) of the unchanged image in pixels.
      drawn: The random parameters that are drawn on the host, not on the accelerator:
        the crop window, the elastic deformation and the applied entries of
        `data.augment`.
      mirrored: Whether the example is mirrored.
      factors: The factors by which brightness, contrast and saturation are multiplied.
      image: The normalized image that the network receives, float32 [h, w, C].
      label: The class indices that the loss receives, int32 [h, w].
    """

    position: int
    name: str
    size: tuple[int, int]
    drawn: Drawn
    mirrored: bool
    factors: tuple[float, float, float]
    image: np.ndarray
    label: np.ndarray

    @property
    def scale(self) -> tuple[float, float]:
        """Returns the factors by which the image height and width are resized."""
        height, width = (
            scaled / side
            for scaled, side in zip(self.drawn.window.scaled, self.size, strict=True)
        )
        return height, width

    def parameters(self) -> dict[str, Any]:
        """Returns a dictionary from the name of each random parameter to its value.

        The values can be stored as JSON. The position, name and size of the example are
        included.
        """
        nodes = self.drawn.nodes
        return {
            "position": self.position,
            "name": self.name,
            "size": self.size,
            "scale": self.scale,
            "scaled_size": self.drawn.window.scaled,
            "crop_offset": self.drawn.window.offset,
            "crop_size": self.label.shape,
            "mirrored": self.mirrored,
            "brightness": self.factors[0],
            "contrast": self.factors[1],
            "saturation": self.factors[2],
            "elastic_nodes": None if nodes is None else nodes.tolist(),
            "augment": [each.record() for each in self.drawn.applied],
        }


def training_examples(
    source: Source, config: DataConfig, *, seed: int, positions: Iterable[int]
) -> list[Example]:
    """Returns a list of the augmented examples at given positions of training.

    The example at position p is the one with the index p % batch_size in the batch of
    step p // batch_size. It depends only on the seed and the position.

    Args:
      source: The training examples.
      config: The crop and the augmentation.
      seed: The seed of the run.
      positions: The positions in the training stream, from 0.

    Raises:
      ValueError: If an entry of data.augment does not fit the data.
    """
    check_augment(config, source.spec)
    positions = list(positions)
    made = [drawn_example(source, config, seed, position) for position in positions]
    rows = [row for row, _ in made]
    batch = {name: np.stack([row[name] for row in rows]) for name in rows[0]}
    prepare = functools.partial(
        augment.prepare_train,
        mean=source.spec.mean,
        std=source.spec.std,
        value_range=source.spec.value_range,
        flip=config.flip,
        color_jitter=config.color_jitter,
    )
    ready = jax.tree.map(np.asarray, jax.jit(prepare)(batch))
    found = []
    for row, position in enumerate(positions):
        drawn = made[row][1]
        original = source.open(drawn.index)
        flip_key, color_key = augment.keys(drawn.device_seed)
        factors = (1.0, 1.0, 1.0)
        if config.color_jitter:
            drawn_factors = augment.color_factors(color_key, config.color_jitter)
            factors = tuple(np.asarray(drawn_factors).tolist())
        found.append(
            Example(
                position=position,
                name=original.id,
                size=original.size,
                drawn=drawn,
                mirrored=config.flip and bool(augment.is_mirrored(flip_key)),
                factors=factors,
                image=ready["image"][row],
                label=ready["label"][row],
            )
        )
    return found


def shown_pixels(
    image: np.ndarray, mean: tuple[float, ...], std: tuple[float, ...]
) -> np.ndarray:
    """Converts a normalized image back to pixel values that can be shown.

    Args:
      image: Normalized float32 [h, w, C].
      mean: The mean of each channel, for values in [0, 1].
      std: The standard deviation of each channel.

    Returns:
      Uint8 [h, w, C]. The value range of the dataset is mapped to 0 to 255.
    """
    pixels = image.astype(np.float64) * np.array(std) + np.array(mean)
    return np.clip(np.floor(255 * pixels + 0.5), 0, 255).astype(np.uint8)
