"""Lists the datasets as text, for the help of commands."""

from __future__ import annotations

from jaxseg.data.datasets import DATASETS
from jaxseg.data.datasets.record import Dataset


def listing() -> str:
    """Returns the datasets with their titles and variants, one per line."""
    width = max(map(len, DATASETS))
    lines = ["Datasets (--data.name) and their variants (--data.variant):"]
    for name, dataset in DATASETS.items():
        lines.append(f"  {name:{width}}  {dataset.title}{_variants(dataset)}")
    return "\n".join(lines)


def _variants(dataset: Dataset) -> str:
    words = [
        f"{option.title}: " + ", ".join(choice.name for choice in option.choices)
        for option in dataset.options
    ]
    return f" [{'; '.join(words)}]" if words else ""
