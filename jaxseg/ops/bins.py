"""Computes the bins of adaptive pooling: the rows that each value of the result covers.

`jaxseg.ops.open_pool` has the bins of maps whose size is a symbol.
"""

import numpy as np


def bin_rows(size: int, count: int) -> list[tuple[int, int]]:
    """Returns where each of `count` bins starts and stops on an axis, as PyTorch does.

    Bin i covers the rows from floor(i * size / count) up to, but not including,
    ceil((i + 1) * size / count).

    >>> bin_rows(5, 2)
    [(0, 3), (2, 5)]
    """
    return [(i * size // count, -(-(i + 1) * size // count)) for i in range(count)]


def mean_weights(size: int, count: int) -> np.ndarray:
    """Returns the matrix that averages the rows of each bin, float32 [count, size]."""
    weights = np.zeros((count, size), np.float32)
    for i, (start, stop) in enumerate(bin_rows(size, count)):
        weights[i, start:stop] = 1 / (stop - start)
    return weights
