"""Which example stands where in the endless training stream, and its randomness.

Position p of the stream is example p mod N of epoch p div N, N the number of examples
(two of which may be one image); each epoch has a permutation of its own. All is a
function of (seed, p): a run started again at any step, or on any number of processes,
sees the same examples.
"""

from __future__ import annotations

import functools

import numpy as np

_ORDER, _AUGMENT = 0, 1  # separate random streams of one seed


@functools.lru_cache(maxsize=8)
def permutation(seed: int, epoch: int, length: int) -> np.ndarray:
    """The order of the examples in an epoch, int64 [length]."""
    order = np.random.default_rng((seed, _ORDER, epoch)).permutation(length)
    order.setflags(write=False)
    return order


def example_index(seed: int, position: int, length: int) -> int:
    """The example at a position of the stream."""
    epoch, place = divmod(position, length)
    return int(permutation(seed, epoch, length)[place])


def generator(seed: int, position: int) -> np.random.Generator:
    """The randomness of one position; the first draw is its seed for the device."""
    return np.random.default_rng((seed, _AUGMENT, position))


def global_position(
    local: int, *, batch_size: int, process_index: int, process_count: int
) -> int:
    """Stream position of the `local`-th example that a process reads.

    Process k takes the k-th run of `batch_size // process_count` examples of each
    global batch.
    """
    share = batch_size // process_count
    step, place = divmod(local, share)
    return step * batch_size + process_index * share + place


def check_share(batch_size: int, process_index: int, process_count: int) -> int:
    """Examples per process and batch.

    Raises:
      ValueError: If the batch cannot be divided, or the index is out of range.
    """
    if batch_size < 1 or process_count < 1 or batch_size % process_count:
        raise ValueError(
            f"batch_size {batch_size} cannot be divided over "
            f"process_count {process_count}"
        )
    if not 0 <= process_index < process_count:
        raise ValueError(
            f"process_index {process_index}; 0 to {process_count - 1} are allowed"
        )
    return batch_size // process_count
