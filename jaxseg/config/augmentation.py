"""Writes the entries of the augmentation list `DataConfig.augment`."""

from __future__ import annotations

from typing import Any


def augment(name: str, **parameters: Any) -> str:
    """Returns the text of an augmentation entry.

    `DataConfig.augment` takes such texts, and checks their names and values. See
    docs/augmentation.md for all entries and their parameters.

    Args:
      name: The name of the entry.
      **parameters: The parameters of the entry.

    >>> augment("rotate", degrees=10, probability=0.5)
    'rotate(degrees=10, probability=0.5)'
    """
    return (
        f"{name}({', '.join(f'{key}={value!r}' for key, value in parameters.items())})"
    )
