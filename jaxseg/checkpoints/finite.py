"""Weights that are no numbers are refused by name."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from jaxseg.checkpoints.compatibility import named_leaves


def check_finite(arrays: Any, source: str | os.PathLike) -> None:
    """Raises ValueError when an array holds NaN or infinite values.

    Every comparison with NaN is false, so a network with such weights gives all pixels
    the first class, and nothing else would tell.

    Args:
      arrays: A tree of NumPy arrays.
      source: The file or folder that they come from, for the message.

    Raises:
      ValueError: Naming the first such array, and how many values are not finite.
    """
    bad = {name: count for name, leaf in named_leaves(arrays) if (count := _bad(leaf))}
    if not bad:
        return
    name, count = next(iter(bad.items()))
    others = f" (and {len(bad) - 1} more parameters)" if len(bad) > 1 else ""
    raise ValueError(
        f"{source}: {count} values of {name}{others} are NaN or infinite; the training "
        "that wrote them diverged, so take a checkpoint from before that"
    )


def _bad(leaf: Any) -> int:
    """How many values of an array are not finite."""
    array = np.asarray(leaf)
    if array.dtype.kind in "biu":
        return 0
    return array.size - int(np.count_nonzero(np.isfinite(array)))
