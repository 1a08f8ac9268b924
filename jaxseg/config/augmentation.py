"""Formats augmentations as the texts that the option `DataConfig.augment` takes."""

from __future__ import annotations

from typing import Any


def augment(name: str, **parameters: Any) -> str:
    """Returns the text that selects an augmentation in `DataConfig.augment`.

    Names and values are checked when the configuration is used.
    docs/guide/augmentation.md describes all augmentations and their parameters.

    Args:
      name: The name of the augmentation.
      **parameters: The parameters of the augmentation.

    >>> augment("rotate", degrees=10, probability=0.5)
    'rotate(degrees=10, probability=0.5)'
    """
    return (
        f"{name}({', '.join(f'{key}={value!r}' for key, value in parameters.items())})"
    )
