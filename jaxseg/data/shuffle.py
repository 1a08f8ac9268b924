"""Determines the order and the random numbers of the endless training stream.

With N examples, position p of the stream is example p mod N of epoch p div N. Each
epoch has its own permutation of the examples. The example and its random numbers
depend only on the seed and p. A run that restarts at any step, or with another number
of processes, therefore reads the examples that it would have read without the restart.
"""

from __future__ import annotations

import functools

import numpy as np

_ORDER, _AUGMENT, _ENTRY = 0, 1, 2  # Separate random streams of one seed.


@functools.lru_cache(maxsize=8)
def permutation(seed: int, epoch: int, length: int) -> np.ndarray:
    """Returns the order of the example indices in an epoch, int64 [length]."""
    order = np.random.default_rng((seed, _ORDER, epoch)).permutation(length)
    order.setflags(write=False)
    return order


def example_index(seed: int, position: int, length: int) -> int:
    """Returns the index of the example at a position of the stream.

    Args:
      seed: The seed of the training stream.
      position: The position in the training stream, from 0.
      length: The number of examples.
    """
    epoch, place = divmod(position, length)
    return int(permutation(seed, epoch, length)[place])


def generator(seed: int, position: int) -> np.random.Generator:
    """Returns the random number generator of one position of the training stream.

    The first number drawn from it is the seed of the augmentation on the device.
    """
    return np.random.default_rng((seed, _AUGMENT, position))


def entry_generator(seed: int, position: int, place: int) -> np.random.Generator:
    """Returns the random generator of one augmentation at a training stream position.

    Args:
      seed: The seed of the training stream.
      position: The position in the training stream, from 0.
      place: The index of the augmentation in the list `data.augment`.
    """
    return np.random.default_rng((seed, _ENTRY, position, place))
