"""Rejects checkpoints whose weights contain NaN or infinite values."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from jaxseg.checkpoints.compatibility import named_leaves
from jaxseg.text import counted


def check_finite(arrays: Any, source: str | os.PathLike) -> None:
    """Raises an error if an array of a checkpoint contains NaN or infinite values.

    Every comparison with NaN is false, so a network with such weights predicts the
    first class for all pixels without any error.

    Args:
      arrays: A tree of NumPy arrays.
      source: The file or folder that they come from, for the message.

    Raises:
      ValueError: If an array contains NaN or infinite values. The message names the
        first such array and the number of such values.
    """
    bad = {name: count for name, leaf in named_leaves(arrays) if (count := _bad(leaf))}
    if not bad:
        return
    name, count = next(iter(bad.items()))
    more = counted(len(bad) - 1, "more parameter")
    others = f" (and {more})" if len(bad) > 1 else ""
    verb = "are" if count > 1 or others else "is"
    raise ValueError(
        f"{source}: {counted(count, 'value')} of {name}{others} {verb} NaN or "
        "infinite, because the training diverged. Use an earlier checkpoint."
    )


def _bad(leaf: Any) -> int:
    """Returns the number of values of an array that are not finite."""
    array = np.asarray(leaf)
    if array.dtype.kind in "biu":
        return 0
    return array.size - int(np.count_nonzero(np.isfinite(array)))
