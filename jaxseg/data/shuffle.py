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
    """Returns the permutation of the example indices in an epoch, int64 [length]."""
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
    """Returns the random number generator of one position of the stream.

    The first number that it yields is the seed of the augmentation on the device.
    """
    return np.random.default_rng((seed, _AUGMENT, position))


def entry_generator(seed: int, position: int, place: int) -> np.random.Generator:
    """Returns the random number generator of one augmentation entry at one position.

    Args:
      seed: The seed of the training stream.
      position: The position in the training stream, from 0.
      place: The index of the entry in the augmentation list.
    """
    return np.random.default_rng((seed, _ENTRY, position, place))


def global_position(
    local: int, *, batch_size: int, process_index: int, process_count: int
) -> int:
    """Returns the stream position of the example that a process reads next.

    Each batch is divided into `process_count` groups of consecutive examples. Process k
    reads group k.

    Args:
      local: The number of examples that the process has read before.
      batch_size: The number of examples per batch over all processes.
      process_index: The index of the process.
      process_count: The number of processes.
    """
    share = batch_size // process_count
    step, place = divmod(local, share)
    return step * batch_size + process_index * share + place


def check_share(batch_size: int, process_index: int, process_count: int) -> int:
    """Returns the number of examples per process and batch.

    Args:
      batch_size: The number of examples per batch over all processes.
      process_index: The index of the process.
      process_count: The number of processes.

    Raises:
      ValueError: If the batch cannot be divided evenly, or the index is out of range.
    """
    if batch_size < 1 or process_count < 1 or batch_size % process_count:
        raise ValueError(
            f"batch_size={batch_size} is invalid: expected a positive multiple of "
            f"{process_count}, the number of processes."
        )
    if not 0 <= process_index < process_count:
        raise ValueError(
            f"process_index={process_index} is invalid: expected 0 to "
            f"{process_count - 1}."
        )
    return batch_size // process_count
