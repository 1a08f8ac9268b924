"""Formats the list of all datasets for the help texts of commands."""

from __future__ import annotations

from jaxseg.data.datasets import DATASETS
from jaxseg.data.datasets.record import Dataset


def listing() -> str:
    """Returns text that lists all datasets with titles and variants, one per line."""
    width = max(map(len, (*DATASETS, "tfds:NAME")))
    lines = ["Datasets (--data.name) and their variants (--data.variant):"]
    for name, dataset in DATASETS.items():
        words = variant_words(dataset)
        lines.append(
            f"  {name:{width}}  {dataset.title}" + (f" [{words}]" if words else "")
        )
    lines.append(f"  {'tfds:NAME':{width}}  Reads any dataset of tensorflow_datasets.")
    return "\n".join(lines)


def variant_words(dataset: Dataset) -> str:
    """Returns the variants of a dataset as text, such as `split: a, b; classes: c, d`.

    The first name after each colon is the default.

    Args:
      dataset: The description of the dataset.
    """
    words = [
        f"{option.title}: " + ", ".join(choice.name for choice in option.choices)
        for option in dataset.options
    ]
    return "; ".join(words)
