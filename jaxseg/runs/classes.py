"""Which class list counts when a run is scored on other data than its own."""

from __future__ import annotations

import dataclasses
import os
import shlex
from pathlib import Path

from jaxseg.config import DataConfig
from jaxseg.data.classes import describe_classes, find_class_list, same_classes
from jaxseg.data.spec import DatasetSpec
from jaxseg.runs.directory import read_config, read_spec


def with_classes(
    workdir: str | os.PathLike, data: DataConfig, *, named: bool
) -> DataConfig:
    """Settles the class list of the data that a run is scored on.

    Another folder than that of the training has its own list, `classes.txt`, which
    `check_classes` compares with that of the run. A folder without one takes the list
    of the run, which all labels must then fit: its masks may lack some of the classes.

    Args:
        workdir: the run directory.
        data: the data to score on.
        named: whether the user named the classes for this evaluation.

    Returns:
        The same data with the class list that counts.
    """
    own = read_config(workdir).data
    if (
        named
        or data.name != "folder"
        or not data.raw_dir
        or data.raw_dir == own.raw_dir
    ):
        return data
    if find_class_list(Path(data.raw_dir).expanduser()) is not None:
        return dataclasses.replace(data, classes=())
    return dataclasses.replace(data, classes=read_spec(workdir).classes)


def check_classes(found: DatasetSpec, trained: DatasetSpec) -> None:
    """Raises ValueError unless a dataset has the classes of the training data."""
    if not same_classes(found.classes, trained.classes):
        names = " ".join(map(shlex.quote, trained.classes))
        raise ValueError(
            f"dataset {found.name!r} has {describe_classes(found)}; the network was "
            f"trained on {describe_classes(trained)}; if the labels mean the latter, "
            f"pass --data.classes {names}."
        )
