"""Builds generated scenes with six classes of shapes and a background.

Image i of a split depends only on (seed, split, i). No files are needed.
"""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Iterator
from typing import ClassVar

import numpy as np
import tensorflow_datasets as tfds

from jaxseg.data import rasters
from jaxseg.data.builders.shapes.scene import draw_scene
from jaxseg.data.spec import SHAPES, DatasetSpec


@dataclasses.dataclass(eq=False)
class ShapesConfig(tfds.core.BuilderConfig):
    """Sets the number and the size of the scenes.

    Attributes:
      seed: The seed of all images.
      height: The height in pixels.
      width: The width in pixels.
      train: The number of training images.
      validation: The number of validation images.
    """

    seed: int = 0
    height: int = 96
    width: int = 128
    train: int = 400
    validation: int = 100


def config(
    *,
    seed: int = 0,
    size: tuple[int, int] = (96, 128),
    train: int = 400,
    validation: int = 100,
) -> ShapesConfig:
    """Returns a configuration that is named after its values.

    Args:
      seed: The seed of all images.
      size: The (H, W) of each image in pixels.
      train: The number of training images.
      validation: The number of validation images.
    """
    height, width = size
    return ShapesConfig(
        name=f"seed{seed}_{height}x{width}_{train}_{validation}",
        seed=seed,
        height=height,
        width=width,
        train=train,
        validation=validation,
    )


class Builder(tfds.core.GeneratorBasedBuilder):
    """Builds scenes with the splits train and validation."""

    VERSION = tfds.core.Version("1.0.0")
    BUILDER_CONFIGS: ClassVar[list[ShapesConfig]] = [config()]

    def spec(self) -> DatasetSpec:
        """Returns the description of the seven classes."""
        return SHAPES

    def _info(self) -> tfds.core.DatasetInfo:
        height, width = self.builder_config.height, self.builder_config.width
        features = tfds.features.FeaturesDict(
            {
                "image": tfds.features.Image(shape=(height, width, 3)),
                "label": tfds.features.LabeledImage(
                    labels=list(SHAPES.classes), shape=(height, width, 1)
                ),
                "id": tfds.features.Text(),
            }
        )
        return self.dataset_info_from_configs(features=features)

    def _split_generators(self, dl_manager):
        del dl_manager  # Nothing is downloaded.
        return {
            "train": self._generate_examples(0, self.builder_config.train),
            "validation": self._generate_examples(1, self.builder_config.validation),
        }

    def _generate_examples(self, split: int, count: int) -> Iterator[tuple[str, dict]]:
        scene = self.builder_config
        for number in range(count):
            rng = np.random.default_rng((scene.seed, split, number))
            image, label = draw_scene(rng, (scene.height, scene.width))
            name = f"{number:05d}"
            image_png = io.BytesIO(rasters.encode_png(image))
            label_png = io.BytesIO(rasters.encode_png(label))
            yield name, {"image": image_png, "label": label_png, "id": name}
