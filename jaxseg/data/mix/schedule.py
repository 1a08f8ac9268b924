"""Chooses the dataset from which the example at each position of training is taken.

The stream consists of blocks of 1,000 positions. In each block, the number of positions
of every dataset is proportional to its weight, and their order is random. The dataset
at a position can therefore be computed without counting earlier positions. To
continue a run, only the number of its next step is needed. The number of processes can
change.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np

BLOCK = 1_000  # Weights are exact to 1/1000. Longer blocks mix less evenly.
_BLOCKS, _MEMBERS = 101, 102  # Separate random streams of one seed.


@dataclasses.dataclass(frozen=True)
class Schedule:
    """Selects the dataset for each position of the training stream.

    Attributes:
      seed: The seed of the run.
      counts: For each dataset, how many of the 1,000 positions of a block belong to it.
    """

    seed: int
    counts: tuple[int, ...]

    @classmethod
    def of(cls, seed: int, weights: Sequence[float]) -> Schedule:
        """Creates a schedule in which datasets occur in proportion to their weights.

        Args:
          seed: The seed of the run.
          weights: The weight of each dataset, at least 0; their sum is positive.
        """
        return cls(seed, block_counts(weights))

    def at(self, position: int) -> tuple[int, int]:
        """Selects the dataset for a position of the training stream.

        Each dataset has an endless stream of its examples, from which training reads
        the next one when the dataset is selected.

        Args:
          position: The position in the training stream of all datasets, from 0.

        Returns:
          The index of the dataset, and the position in the stream of this dataset.
        """
        block, place = divmod(position, BLOCK)
        members, ranks = _block(self.seed, block, self.counts)
        member = int(members[place])
        return member, block * self.counts[member] + int(ranks[place])

    def member_seed(self, member: int) -> int:
        """Returns the seed that determines the stream of examples of one dataset."""
        sequence = np.random.SeedSequence((self.seed, _MEMBERS, member))
        return int(sequence.generate_state(1)[0])


def block_counts(weights: Sequence[float]) -> tuple[int, ...]:
    """Divides 1,000 training positions among datasets, in proportion to their weights.

    At each position of the training stream, one example of one dataset is read.

    Args:
      weights: The weight of each dataset, at least 0; their sum is positive.

    Returns:
      The number of positions of each dataset, rounded by the largest-remainder method.

    Raises:
      ValueError: If a positive weight is too small for one position.

    >>> block_counts((2, 1))
    (667, 333)
    """
    total = sum(weights)
    exact = [BLOCK * weight / total for weight in weights]
    counts = [int(share) for share in exact]
    by_remainder = sorted(range(len(exact)), key=lambda k: counts[k] - exact[k])
    for k in by_remainder[: BLOCK - sum(counts)]:
        counts[k] += 1
    for weight, count in zip(weights, counts, strict=True):
        if weight > 0 and count == 0:
            raise ValueError(
                f"weight={weight} is invalid: expected 0, or at least 1/{BLOCK} of the "
                f"sum {total} of all weights. Raise it, or use 0 for a dataset that is "
                "only evaluated."
            )
    return tuple(counts)


@functools.lru_cache(maxsize=8)
def _block(
    seed: int, block: int, counts: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the dataset at each place of a block and how often it came before."""
    members = np.repeat(np.arange(len(counts)), counts)
    members = np.random.default_rng((seed, _BLOCKS, block)).permutation(members)
    ranks = np.empty(BLOCK, np.int64)
    for member, count in enumerate(counts):
        ranks[members == member] = np.arange(count)
    return members, ranks
