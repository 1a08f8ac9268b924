"""Checks that a split of prepared data exists and has examples."""

from __future__ import annotations

import tensorflow_datasets as tfds


class UnknownSplit(ValueError):
    """Is raised for a split that does not exist or is empty.

    Attributes:
      split: The name of the split.
      expected: A text that says what is expected instead, to be used in other messages.
    """

    def __init__(self, split: str, expected: str) -> None:
        super().__init__(f"split={split!r} is invalid: {expected}")
        self.split, self.expected = split, expected


def check_split(builder: tfds.core.DatasetBuilder, split: str) -> None:
    """Raises `UnknownSplit` for a split that does not exist or is empty.

    Args:
      builder: The builder of the dataset.
      split: A split, or a slice such as "train[90%:]".
    """
    sizes = {name: info.num_examples for name, info in builder.info.splits.items()}
    try:
        count = builder.info.splits[split].num_examples
    except (KeyError, ValueError) as error:
        raise UnknownSplit(
            split,
            f"expected one of {sizes}, the splits of dataset {builder.name!r} with "
            "their numbers of examples, or a slice such as 'train[90%:]'.",
        ) from error
    if count == 0:
        raise UnknownSplit(
            split,
            f"expected at least one example, but it is empty in dataset "
            f"{builder.name!r}, whose splits are {sizes}.",
        )
