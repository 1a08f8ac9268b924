"""Reads the entries of a sharded array that belong to the examples of this process."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np


def local_rows(array: jax.Array) -> np.ndarray:
    """Copies this process's parts of a sharded array to the host.

    The parts are joined along the first axis to one NumPy array. Of several copies of a
    part, only one is used.

    Args:
      array: An array whose first axis is split over the devices. Several devices can
        hold copies of the same entries.
    """
    parts: dict[Any, Any] = {}
    for shard in array.addressable_shards:
        place = shard.index[0]
        start = place if isinstance(place, int) else place.start or 0
        parts.setdefault(start, shard.data)
    rows = [np.asarray(parts[start]) for start in sorted(parts)]
    return rows[0] if len(rows) == 1 else np.concatenate(rows)
