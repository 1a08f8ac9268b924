"""Builds datasets whose images or point clouds are generated.

Each generated example of a split has a number. Its content depends only on the seed,
the split and the number.
"""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from jaxseg.data import rasters
from jaxseg.data.builders.named import NamedBuilder, cloud_features
from jaxseg.data.datasets.record import Dataset
from jaxseg.data.spec import DatasetSpec


@dataclasses.dataclass(eq=False)
class DrawnConfig(tfds.core.BuilderConfig):
    """Sets the number and the size of the generated examples.

    The field `name` is computed from the other fields.

    Attributes:
      dataset: The description of the dataset.
      seed: The seed of all generated examples.
      size: The height and width of images in pixels, or the smallest and the largest
        number of points of a cloud.
      train: The number of examples in the training split.
      validation: The number of examples in the validation split.
    """

    dataset: Dataset | None = None
    seed: int = 0
    size: tuple[int, int] = (0, 0)
    train: int = 0
    validation: int = 0


def drawn_config(dataset: Dataset, *, seed: int = 0, **changes: Any) -> DrawnConfig:
    """Returns the `DrawnConfig`, the configuration of a generated dataset.

    The name of the configuration states the values of its fields.

    Args:
      dataset: The description of the dataset.
      seed: The seed of all generated examples.
      **changes: Values that replace those of `dataset.drawing`: size, train,
        validation.
    """
    drawing = dataclasses.replace(dataset.drawing, **changes)
    size = drawing.sized.format(*drawing.size)
    return DrawnConfig(
        name=f"seed{seed}_{size}_{drawing.train}_{drawing.validation}",
        dataset=dataset,
        seed=seed,
        size=drawing.size,
        train=drawing.train,
        validation=drawing.validation,
    )


class DrawnBuilder(NamedBuilder, skip_registration=True):
    """Builds the splits train and validation of a generated dataset."""

    def spec(self) -> DatasetSpec:
        """Returns the `DatasetSpec`, which contains the classes of the dataset."""
        return self.dataset.spec

    def features(self) -> dict[str, Any]:
        """Returns a dictionary from each array's name to its feature (of tfds)."""
        if self.dataset.kind == "clouds":
            return cloud_features()
        size, names = self.builder_config.size, list(self.dataset.spec.classes)
        return {
            "image": tfds.features.Image(shape=(*size, self.dataset.channels)),
            "label": tfds.features.LabeledImage(labels=names, shape=(*size, 1)),
        }

    def _split_generators(self, dl_manager):
        del dl_manager  # Nothing is downloaded.
        return {
            "train": self._generate_examples(0, self.builder_config.train),
            "validation": self._generate_examples(1, self.builder_config.validation),
        }

    def _generate_examples(self, split: int, count: int) -> Iterator[tuple[str, dict]]:
        asked, drawing = self.builder_config, self.dataset.drawing
        for number in range(count):
            rng = np.random.default_rng((asked.seed, split, number))
            for name, example in drawing.draw(rng, number, asked.size):
                if self.dataset.kind == "images":
                    example = {
                        field: io.BytesIO(rasters.encode_png(pixels))
                        for field, pixels in example.items()
                    }
                yield name, {**example, "id": name}
