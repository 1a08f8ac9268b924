"""Chooses the class list when a run is evaluated on a dataset other than its own."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

from jaxseg.config import DataConfig
from jaxseg.config.wording import option_text
from jaxseg.data.classes import describe_classes, find_class_list, same_classes
from jaxseg.data.spec import DatasetSpec
from jaxseg.runs.directory import read_config, read_spec


def with_classes(
    workdir: str | os.PathLike, data: DataConfig, *, named: bool
) -> DataConfig:
    """Returns the data configuration with the class list that an evaluation uses.

    A folder other than the training folder may contain its own list, `classes.txt`,
    which `check_classes` compares with the classes of the run. For a folder without
    `classes.txt`, the classes of the run are used, because the masks in the folder need
    not contain every class.

    Args:
      workdir: The run directory.
      data: The data options of the evaluation.
      named: Whether the user has given the class names for this evaluation.

    Returns:
      The data configuration with its class list set.
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
    """Checks that a dataset has the classes of the training data.

    Args:
      found: The dataset to evaluate on.
      trained: The dataset that the network was trained on.

    Raises:
      ValueError: If the class lists differ.
    """
    if not same_classes(found.classes, trained.classes):
        classes = option_text("data.classes", *trained.classes)
        raise ValueError(
            f"data.name={found.name!r} is invalid: expected a dataset with the classes "
            f"that the network was trained on, {describe_classes(trained)}, but it has "
            f"{describe_classes(found)}. If the labels of the dataset stand for the "
            f"classes of the network, pass {classes}."
        )
    if found.members and found.members != trained.members:
        raise ValueError(
            f"data.mix={found.name!r} is invalid: expected the same datasets and class "
            f"maps as in the training of the network, {trained.name!r}. Restore the "
            "class maps of the training."
        )
