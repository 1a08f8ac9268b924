"""Checks that a split of prepared data exists and has examples."""

from __future__ import annotations

import tensorflow_datasets as tfds


class UnknownSplit(ValueError):
    """Is raised for a split that does not exist or is empty."""


def check_split(builder: tfds.core.DatasetBuilder, split: str) -> None:
    """Raises UnknownSplit for a split that does not exist or is empty.

    Args:
      builder: The builder of the dataset.
      split: A split, or a slice such as "train[90%:]".
    """
    sizes = {name: info.num_examples for name, info in builder.info.splits.items()}
    try:
        count = builder.info.splits[split].num_examples
    except (KeyError, ValueError) as error:
        raise UnknownSplit(
            f"split {split!r} of dataset {builder.name!r} does not exist: expected one "
            f"of {sizes}, or a slice such as 'train[90%:]'."
        ) from error
    if count == 0:
        raise UnknownSplit(
            f"split {split!r} of dataset {builder.name!r} is empty: expected at least "
            f"one example. The splits are {sizes}."
        )
