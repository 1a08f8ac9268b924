"""The datasets by name: one file for each, which is loaded when it is first used.

To add a dataset, write `jaxseg/data/datasets/NAME.py` with `DATASET = Dataset(...)`,
and add its name to the table below.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping

from jaxseg.data.datasets.record import Dataset


class Table(Mapping[str, Dataset]):
    """Records by name, each imported when it is first asked for."""

    def __init__(self, *names: str):
        self._names = names

    def __getitem__(self, name: str) -> Dataset:
        if name not in self._names:
            raise KeyError(name)
        return importlib.import_module(f"{__name__}.{name}").DATASET

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


DATASETS = Table(
    "shapes",
    "raters",
    "rooms",
    "folder",
    "camvid",
    "isbi",
)
