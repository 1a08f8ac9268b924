"""Builds generated lesions, each labeled by four raters who disagree.

An example is one image with the label of one rater, such as `0007_r2`. Training draws
raters at random, and evaluation finds the raters of an image by its name. Case i of a
split depends only on (seed, split, i). No files are needed.
"""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Iterator
from typing import ClassVar

import numpy as np
import tensorflow_datasets as tfds

from jaxseg.data import rasters
from jaxseg.data.builders.raters.case import draw_case
from jaxseg.data.spec import RATERS, DatasetSpec


@dataclasses.dataclass(eq=False)
class RatersConfig(tfds.core.BuilderConfig):
    """Sets the number and the size of the images.

    Attributes:
      seed: The seed of all images.
      height: The height in pixels.
      width: The width in pixels.
      train: The number of training images.
      validation: The number of validation images.
    """

    seed: int = 0
    height: int = 64
    width: int = 64
    train: int = 300
    validation: int = 60


def config(
    *,
    seed: int = 0,
    size: tuple[int, int] = (64, 64),
    train: int = 300,
    validation: int = 60,
) -> RatersConfig:
    """Returns a configuration that is named after its values.

    Args:
      seed: The seed of all images.
      size: The (H, W) of each image in pixels.
      train: The number of training images.
      validation: The number of validation images.
    """
    height, width = size
    return RatersConfig(
        name=f"seed{seed}_{height}x{width}_{train}_{validation}",
        seed=seed,
        height=height,
        width=width,
        train=train,
        validation=validation,
    )


class Builder(tfds.core.GeneratorBasedBuilder):
    """Builds cases with the splits train and validation, four examples per image."""

    VERSION = tfds.core.Version("1.0.0")
    BUILDER_CONFIGS: ClassVar[list[RatersConfig]] = [config()]

    def spec(self) -> DatasetSpec:
        """Returns the description of the classes ground and lesion."""
        return RATERS

    def _info(self) -> tfds.core.DatasetInfo:
        height, width = self.builder_config.height, self.builder_config.width
        features = tfds.features.FeaturesDict(
            {
                "image": tfds.features.Image(shape=(height, width, 3)),
                "label": tfds.features.LabeledImage(
                    labels=list(RATERS.classes), shape=(height, width, 1)
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
        asked = self.builder_config
        for number in range(count):
            rng = np.random.default_rng((asked.seed, split, number))
            case = draw_case(rng, (asked.height, asked.width))
            image = rasters.encode_png(case.image)
            for rater, label in enumerate(case.labels):
                name = f"{number:04d}_r{rater}"
                yield (
                    name,
                    {
                        "image": io.BytesIO(image),
                        "label": io.BytesIO(rasters.encode_png(label)),
                        "id": name,
                    },
                )
