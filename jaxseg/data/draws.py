"""Selects the example at each position of the training stream.

The input pipelines of Grain and of tf.data both use these functions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from jaxseg.config import DataConfig
from jaxseg.data import shuffle as order
from jaxseg.data.spec import DatasetSpec


class Examples(Protocol):
    """Defines which attributes and methods of a split the input pipelines use.

    `jaxseg.data.source.Source` implements it.

    Attributes:
      spec: The classes and pixel statistics of the dataset.
      records: The encoded examples {"image", "label", "id"}, each array as bytes.
      sizes: The (H, W) of each image in pixels.
      workers: The number of threads that read the data.
    """

    spec: DatasetSpec
    workers: int

    @property
    def records(self) -> Sequence[Mapping[str, bytes]]:
        """Returns for each example a mapping from array names to encoded bytes."""

    @property
    def sizes(self) -> tuple[tuple[int, int], ...]:
        """Returns the (H, W) of each image in pixels."""

    def __len__(self) -> int:
        """Returns the number of examples."""

    def holding(self, classes: tuple[str, ...]) -> tuple[int, ...]:
        """Returns a tuple of the indices of examples that contain any of `classes`."""


def train_draw(
    source: Examples, config: DataConfig, seed: int, position: int
) -> tuple[int, np.random.Generator, np.uint32]:
    """Selects the example and the random seeds of a position in the training stream.

    Args:
      source: The examples.
      config: The data options. Images that contain a class in `oversample_classes`
        appear twice per epoch.
      seed: The seed of the training stream.
      position: The position in the training stream, from 0.

    Returns:
      Three values: the index of the example, the random generator for the augmentation
      on the host, and the seed for the augmentation on the device.
    """
    rng = order.generator(seed, position)
    device_seed = rng.integers(2**32, dtype=np.uint32)
    twice = source.holding(config.oversample_classes)
    place = order.example_index(seed, position, len(source) + len(twice))
    index = place if place < len(source) else twice[place - len(source)]
    return index, rng, device_seed
