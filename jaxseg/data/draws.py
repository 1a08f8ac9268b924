"""Which example stands at which position of a stream, for every pipeline alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from jaxseg.config import DataConfig
from jaxseg.data import shuffle as order
from jaxseg.data.spec import DatasetSpec


class Examples(Protocol):
    """What a pipeline needs to know of a split; `jaxseg.data.source.Source` has it.

    Attributes:
      spec: Classes and statistics of the dataset.
      records: Encoded examples {"image", "label", "id"}, each of bytes.
      sizes: (H, W) of each image.
      workers: Number of reading threads.
    """

    spec: DatasetSpec
    records: Sequence[Mapping[str, bytes]]
    sizes: tuple[tuple[int, int], ...]
    workers: int

    def __len__(self) -> int:
        """Returns the number of examples."""

    def holding(self, classes: tuple[str, ...]) -> tuple[int, ...]:
        """Returns the sorted indices of the examples that contain any of `classes`."""


def eval_plan(
    sizes: tuple[tuple[int, int], ...], batch_size: int, multiple: int
) -> list[tuple[tuple[int, int], list[int]]]:
    """Padded size and examples of each global batch; -1 fills the last of a size."""
    groups: dict[tuple[int, int], list[int]] = {}
    for index, size in enumerate(sizes):
        height, width = (-(-side // multiple) * multiple for side in size)
        groups.setdefault((height, width), []).append(index)
    plan = []
    for size, members in groups.items():
        for start in range(0, len(members), batch_size):
            batch = members[start : start + batch_size]
            plan.append((size, batch + [-1] * (batch_size - len(batch))))
    return plan


def train_draw(
    source: Examples, config: DataConfig, seed: int, position: int
) -> tuple[int, np.random.Generator, np.uint32]:
    """Example number, randomness and device seed of a position."""
    rng = order.generator(seed, position)
    device_seed = rng.integers(2**32, dtype=np.uint32)
    twice = source.holding(config.duplicate)
    place = order.example_index(seed, position, len(source) + len(twice))
    index = place if place < len(source) else twice[place - len(source)]
    return index, rng, device_seed
