"""Records the batch shapes for which a step was compiled."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


def log_compilations(step: Callable, name: str, programs: list[str]) -> Callable:
    """Returns a function that computes `step` and records each of its compilations.

    JAX traces the returned function once before each compilation. While it is traced,
    it appends a text such as "train_step: index int32[8]" to the list `programs`. The
    text contains `name` and the shapes of the batch.
    """

    def traced(state: Any, batch: Mapping[str, Any], **options: Any) -> Any:
        programs.append(f"{name}: {shapes(batch)}")
        return step(state, batch, **options)

    traced.__name__ = name  # Profiles and compiler messages show this name.
    return traced


def shapes(batch: Mapping[str, Any]) -> str:
    """Describes the shapes and types of a batch.

    >>> import numpy as np
    >>> shapes({"index": np.zeros(3, np.int32)})
    'index int32[3]'
    """
    return ", ".join(
        f"{name} {value.dtype}[{','.join(map(str, value.shape))}]"
        for name, value in sorted(batch.items())
    )
