"""Which programs a step was compiled to: one for each shape of its batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


def noted(step: Callable, name: str, programs: list[str]) -> Callable:
    """`step`, which adds its batch's shapes to `programs` whenever it is traced.

    Traced means compiled: the shapes of the state never change.
    """

    def traced(state: Any, batch: Mapping[str, Any], **options: Any) -> Any:
        programs.append(f"{name}: {shapes(batch)}")
        return step(state, batch, **options)

    traced.__name__ = name  # what profiles and compiler messages call it
    return traced


def shapes(batch: Mapping[str, Any]) -> str:
    """`image uint8[8,96,128,3], label uint8[8,96,128]`.

    >>> import numpy as np
    >>> shapes({"index": np.zeros(3, np.int32)})
    'index int32[3]'
    """
    return ", ".join(
        f"{name} {value.dtype}[{','.join(map(str, value.shape))}]"
        for name, value in sorted(batch.items())
    )
