"""Logs the programs that a step was compiled to, one for each shape of its batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


def log_compilations(step: Callable, name: str, programs: list[str]) -> Callable:
    """Returns a step that adds the shapes of its batch to `programs` when it is traced.

    It is compiled whenever it is traced, because the shapes of the state never change.
    """

    def traced(state: Any, batch: Mapping[str, Any], **options: Any) -> Any:
        programs.append(f"{name}: {shapes(batch)}")
        return step(state, batch, **options)

    traced.__name__ = name  # what profiles and compiler messages call it
    return traced


def shapes(batch: Mapping[str, Any]) -> str:
    """Returns the shapes of a batch: `image uint8[8,96,128,3], label uint8[8,96,128]`.

    >>> import numpy as np
    >>> shapes({"index": np.zeros(3, np.int32)})
    'index int32[3]'
    """
    return ", ".join(
        f"{name} {value.dtype}[{','.join(map(str, value.shape))}]"
        for name, value in sorted(batch.items())
    )
