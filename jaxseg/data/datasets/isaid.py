"""Describes iSAID: objects in aerial images, with 15 classes and a background."""

from __future__ import annotations

import pathlib

from jaxseg.data.datasets.record import Dataset
from jaxseg.data.datasets.variants import Choice, Option
from jaxseg.data.labels import LabelMap
from jaxseg.data.layouts import Pair, match_trees, require_folder
from jaxseg.data.mask_colors import color_map, read_colors
from jaxseg.data.spec import VOID, DatasetSpec

CLASSES = {  # As in mmsegmentation 1.2.2, in the order of the iSAID development kit.
    "background": (0, 0, 0),
    "ship": (0, 0, 63),
    "store tank": (0, 63, 63),
    "baseball diamond": (0, 63, 0),
    "tennis court": (0, 63, 127),
    "basketball court": (0, 63, 191),
    "ground track field": (0, 63, 255),
    "bridge": (0, 127, 63),
    "large vehicle": (0, 127, 127),
    "small vehicle": (0, 0, 127),
    "helicopter": (0, 0, 191),
    "swimming pool": (0, 0, 255),
    "roundabout": (0, 191, 127),
    "soccer ball field": (0, 127, 191),
    "plane": (0, 127, 255),
    "harbor": (0, 100, 155),
}


def aerial_pairs(
    root: pathlib.Path, lists: tuple[str, ...] = ()
) -> dict[str, list[Pair]]:
    """Pairs iSAID images in `SPLIT/images` with masks in `SPLIT/Semantic_masks/images`.

    Args:
      root: The folder that contains `train` and `val`.
      lists: Ignored. All layout functions take this argument; see `Dataset.layout`.

    Returns:
      A dictionary from each split to the list of its pairs.

    Raises:
      ValueError: If a folder is missing.
    """
    del lists  # This layout has no lists.
    require_folder(root)
    return {
        split: match_trees(
            root / folder / "images",
            root / folder / "Semantic_masks",
            image_end="",
            mask_end="_instance_color_RGB",
        )
        for folder, split in (("train", "train"), ("val", "validation"))
    }


def _labels(first: int) -> LabelMap:
    """Returns the map of colors in which class 0 is the color number `first`."""
    ids = (k - first if k >= first else VOID for k in range(len(CLASSES)))
    return color_map(dict(zip(CLASSES.values(), ids, strict=True)))


DATASET = Dataset(
    name="isaid",
    title="iSAID: aerial images with 15 classes of objects and a background.",
    spec=DatasetSpec("isaid", tuple(CLASSES), tuple(CLASSES.values())),
    layout=aerial_pairs,
    labels=_labels(0),
    read_values=read_colors,
    counts={"train": 1411, "validation": 458},
    options=(
        Option(
            "background",
            (
                Choice("background-class", "the background is class 0 of 16"),
                Choice(
                    "background-void",
                    "the background is void, and there are 15 classes",
                    {
                        "spec": DatasetSpec(
                            "isaid", tuple(CLASSES)[1:], tuple(CLASSES.values())[1:]
                        ),
                        "labels": _labels(1),
                    },
                ),
            ),
        ),
    ),
    files=(
        "The files are SPLIT/images/P0002.png, which are those of DOTA, and "
        "SPLIT/Semantic_masks/images/P0002_instance_color_RGB.png, where SPLIT is "
        "train or val."
    ),
    page="https://captain-whu.github.io/iSAID",
    license="For academic purposes; the images are subject to the terms of DOTA.",
    citation="""@inproceedings{waqas2019isaid,
  title={{iSAID}: A large-scale dataset for instance segmentation in aerial images},
  author={Waqas Zamir, Syed and Arora, Aditya and Gupta, Akshita and others},
  booktitle={CVPR Workshops},
  pages={28--37},
  year={2019}
}""",
    notes=(
        "Works differ in whether the background counts as a class. Published scores "
        "are of crops of 896x896 pixels with an overlap of 384 (33,978 for training "
        "and 11,644 for validation); here the images are whole, up to 4,000x13,000 "
        "pixels. Masks of the test split are not published."
    ),
)
