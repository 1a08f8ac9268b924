"""Builds generated furnished rooms as point clouds.

Room i of a split depends only on (seed, split, i). No files are needed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import ClassVar

import numpy as np
import tensorflow_datasets as tfds

from jaxseg.data.builders.rooms.scene import draw_room
from jaxseg.data.spec import ROOMS, DatasetSpec


@dataclasses.dataclass(eq=False)
class RoomsConfig(tfds.core.BuilderConfig):
    """Sets the number of rooms and of their points.

    Attributes:
      seed: The seed of all rooms.
      points: The smallest and the largest number of points in a room.
      train: The number of training rooms.
      validation: The number of validation rooms.
    """

    seed: int = 0
    points: tuple[int, int] = (1000, 2000)
    train: int = 300
    validation: int = 60


def config(
    *,
    seed: int = 0,
    points: tuple[int, int] = (1000, 2000),
    train: int = 300,
    validation: int = 60,
) -> RoomsConfig:
    """Returns a configuration that is named after its values.

    Args:
      seed: The seed of all rooms.
      points: The smallest and the largest number of points in a room.
      train: The number of training rooms.
      validation: The number of validation rooms.
    """
    low, high = points
    return RoomsConfig(
        name=f"seed{seed}_{low}-{high}_{train}_{validation}",
        seed=seed,
        points=points,
        train=train,
        validation=validation,
    )


class Builder(tfds.core.GeneratorBasedBuilder):
    """Builds furnished rooms with the splits train and validation."""

    VERSION = tfds.core.Version("1.1.0")
    BUILDER_CONFIGS: ClassVar[list[RoomsConfig]] = [config()]

    def spec(self) -> DatasetSpec:
        """Returns the description of the nine classes."""
        return ROOMS

    def _info(self) -> tfds.core.DatasetInfo:
        features = tfds.features.FeaturesDict(
            {
                "points": tfds.features.Tensor(shape=(None, 3), dtype=np.float32),
                "color": tfds.features.Tensor(shape=(None, 3), dtype=np.uint8),
                "label": tfds.features.Tensor(shape=(None,), dtype=np.uint8),
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
        low, high = self.builder_config.points
        for number in range(count):
            rng = np.random.default_rng((self.builder_config.seed, split, number))
            total = int(rng.integers(low, high, endpoint=True))
            points, color, label = draw_room(rng, total)
            name = f"{number:05d}"
            yield (
                name,
                {"points": points, "color": color, "label": label, "id": name},
            )
