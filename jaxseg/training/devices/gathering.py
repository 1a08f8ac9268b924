"""Collects small results of all processes of a run, in the order of the dataset."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils

from jaxseg.training.devices import processes


def gathered(found: Mapping[int, Any]) -> dict[int, Any]:
    """Returns the results for the examples of all processes, in the dataset's order.

    The result is a dictionary from the index of an example to its result, sorted by the
    index. All processes must call this function.

    Args:
      found: The results of this process by the index of the example. They consist of
        numbers, text, NumPy arrays and containers of these.
    """
    parts = [dict(found)]
    if jax.process_count() > 1:
        parts = [pickle.loads(data) for data in _all_bytes(pickle.dumps(parts[0]))]
    every = {index: result for part in parts for index, result in part.items()}
    return {index: every[index] for index in sorted(every)}


def _all_bytes(data: bytes) -> list[bytes]:
    """Returns the bytes of each process; only processes of this run take part."""
    processes.barrier("results of the images")
    sizes = multihost_utils.process_allgather(np.array(len(data), np.int32))
    padded = np.zeros(int(sizes.max()), np.uint8)
    padded[: len(data)] = np.frombuffer(data, np.uint8)
    rows = multihost_utils.process_allgather(padded)
    return [row[:size].tobytes() for row, size in zip(rows, sizes, strict=True)]
