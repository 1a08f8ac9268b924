"""Checks that a split of prepared data exists and has examples."""

from __future__ import annotations

from collections.abc import Iterable

import tensorflow_datasets as tfds

from jaxseg.data.lists import split_names
from jaxseg.text import did_you_mean


class UnknownSplit(ValueError):
    """Is raised for a split that does not exist or is empty.

    Attributes:
      split: The name of the split.
      expected: A part of the message, such as "expected one of ...", which says which
        splits exist. Other error messages repeat it.
      splits: The names of the splits that exist.
    """

    def __init__(self, split: str, expected: str, splits: Iterable[str]) -> None:
        super().__init__(f"split={split!r} is invalid: {expected}")
        self.split, self.expected, self.splits = split, expected, tuple(splits)


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
        unknown = [name for name in split_names(split) if name not in sizes]
        raise UnknownSplit(
            split,
            f"expected one of {sizes}, the splits of dataset {builder.name!r} with "
            "their numbers of examples, or a slice such as 'train[90%:]'."
            f"{''.join(did_you_mean(name, sizes) for name in unknown)}",
            sizes,
        ) from error
    if count == 0:
        raise UnknownSplit(
            split,
            f"expected at least one example, but this split is empty in dataset "
            f"{builder.name!r}, whose splits are {sizes}.",
            sizes,
        )


def split_advice(names: Iterable[str]) -> str:
    """Returns a sentence that says how to evaluate data without a validation split.

    The sentence starts with a space, so that it can follow another one. It is empty
    unless `train` is the only split.

    Args:
      names: The names of the splits of the data.
    """
    if list(names) != ["train"]:
        return ""
    return (
        " To evaluate on images that the network is not trained on, pass "
        "--data.train-split 'train[:80%]' --data.eval-split 'train[80%:]'."
    )
