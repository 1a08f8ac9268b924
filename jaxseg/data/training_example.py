"""Makes the augmented example at a position of the training stream."""

from __future__ import annotations

import dataclasses

import numpy as np

from jaxseg.config import DataConfig
from jaxseg.data import elastic
from jaxseg.data.draws import train_draw
from jaxseg.data.source import Source
from jaxseg.data.transforms import Window, cut_image, cut_label, sample_window


@dataclasses.dataclass(frozen=True)
class Drawn:
    """Contains the random parameters of one training example that the host samples.

    Attributes:
      index: The index of the example in the source.
      device_seed: The seed of the augmentation on the device.
      window: The crop of the resized image.
      nodes: The displacements of the grid nodes, [2, 3, 3] in pixels, or None.
    """

    index: int
    device_seed: np.uint32
    window: Window
    nodes: np.ndarray | None = None


def train_example(
    source: Source, config: DataConfig, seed: int, position: int
) -> dict[str, np.ndarray]:
    """Returns the augmented example at a position of the training stream.

    Args:
      source: The examples.
      config: The crop and the augmentation.
      seed: The seed of the training stream.
      position: The position in the training stream, from 0.
    """
    example, drawn = drawn_example(source, config, seed, position)
    image, label = example["image"], example["label"]
    if drawn.nodes is not None:
        field = elastic.displacement(drawn.nodes, label.shape)
        image, label = elastic.deform(image, label, field)
    fill, crop = source.spec.mean_color, config.crop
    return {
        "image": cut_image(image, drawn.window, crop=crop, fill=fill),
        "label": cut_label(label, drawn.window, crop=crop),
        "seed": drawn.device_seed,
        "index": np.int32(drawn.index),
    }


def drawn_example(
    source: Source, config: DataConfig, seed: int, position: int
) -> tuple[dict, Drawn]:
    """Returns the example at a position before augmentation, and its random parameters.

    Args:
      source: The examples.
      config: The crop and the augmentation.
      seed: The seed of the training stream.
      position: The position in the training stream, from 0.
    """
    index, rng, device_seed = train_draw(source, config, seed, position)
    example = source[index]
    window = sample_window(
        rng,
        example["label"].shape,
        crop=config.crop,
        scale_range=config.scale_range,
    )
    nodes = elastic.sample_nodes(rng, config.elastic) if config.elastic else None
    return example, Drawn(index, device_seed=device_seed, window=window, nodes=nodes)
