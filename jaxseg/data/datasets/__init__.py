"""Contains the descriptions of all datasets, by name.

The description of each dataset, a `Dataset` object, is in a separate module, which is
imported on first use. To add a dataset, write `jaxseg/data/datasets/NAME.py`,
which assigns a `Dataset` to `DATASET`, and add its name to the table below.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping

from jaxseg.data.datasets.record import Dataset


class Table(Mapping[str, Dataset]):
    """Maps the names of datasets to descriptions, which are imported on first use."""

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
    "distance",
    "specks",
    "folder",
    "multilabel_folder",
    "camvid",
    "isbi",
    "loveda",
    "isaid",
    "potsdam",
    "vaihingen",
    "drive",
    "chase_db1",
    "stare",
    "hrf",
    "lidc",
    "dark_zurich",
    "nighttime_driving",
    "s3dis",
    "nyuv2",
    "sunrgbd37",
    "scenenet",
    "cityscapes",
    "kitti",
    "bdd100k",
    "uavid",
    "mapillary",
    "voc2012",
    "pascal_context",
    "ade20k",
    "coco_stuff",
    "oxford_pet",
)
