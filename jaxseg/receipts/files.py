"""Finds the files from which the images and labels of a split were read."""

from __future__ import annotations

import pathlib

from jaxseg.config import DataConfig
from jaxseg.data.datasets.lookup import dataset_of
from jaxseg.data.lists import split_names
from jaxseg.data.parts import files_of
from jaxseg.data.prepare import builder_config


def named_files(config: DataConfig, split: str) -> dict[tuple[str, str], str]:
    """Returns the paths of the image and label files of each example of a split.

    The result is a dictionary from (name of the example, "image" or "label") to the
    path of that file. It is empty if the data consist of several datasets, or if they
    do not come from image files, for example because a program generates them.

    Args:
      config: The data options.
      split: The split, or an expression such as "train[90%:]" or "train+val".
    """
    if config.mix:
        return {}
    dataset = dataset_of(config)
    if dataset.kind != "images" or dataset.drawing or dataset.builder:
        return {}
    lists = split_names(split, config.train_split, config.eval_split)
    chosen = builder_config(config, lists)
    splits = chosen.dataset.layout(pathlib.Path(chosen.path), lists)
    return {
        (pair.name, part): ", ".join(map(str, files_of(file)))
        for name in split_names(split)
        for pair in splits.get(name, ())
        for part, file in (("image", pair.image), ("label", pair.mask))
        if file is not None
    }
