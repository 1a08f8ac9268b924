"""Describes SUN RGB-D: indoor scenes with 37 classes."""

from __future__ import annotations

import pathlib
import re

from jaxseg.data.datasets import nyu_classes
from jaxseg.data.datasets.record import Dataset
from jaxseg.data.files import list_folder, shown
from jaxseg.data.layouts import Pair, require_folder

CLASSES = nyu_classes.FORTY[:37]


def numbered_pairs(
    root: pathlib.Path, lists: tuple[str, ...] = ()
) -> dict[str, list[Pair]]:
    """Pairs images in `image/SPLIT` with masks in `label37/SPLIT`.

    An image and a mask form a pair if the numbers in their names are equal.

    Args:
      root: The folder that contains image and label37.
      lists: Ignored. All layout functions take this argument; see `Dataset.layout`.

    Returns:
      A dictionary from each split to the list of its pairs.

    Raises:
      ValueError: If a folder is missing, a name has no number, or two names have the
        same number.
    """
    del lists  # This layout has no lists.
    require_folder(root)
    splits = {}
    for part, split in (("train", "train"), ("test", "validation")):
        images = _by_number(root / "image" / part)
        masks = _by_number(root / "label37" / part)
        splits[split] = [
            Pair(f"{n:06d}", images.get(n), masks.get(n))
            for n in sorted({*images, *masks})
        ]
    return splits


def _by_number(folder: pathlib.Path) -> dict[int, pathlib.Path]:
    require_folder(folder)
    found: dict[int, pathlib.Path] = {}
    for path in list_folder(folder).images:
        match = re.fullmatch(r"(?:img-)?(\d+)", path.stem, re.ASCII)
        if match is None or int(match[1]) in found:
            raise ValueError(
                f"{shown(path)} is invalid: expected a different number in each name, "
                "such as img-000001 or 00000001. Rename or remove the file."
            )
        found[int(match[1])] = path
    return found


DATASET = Dataset(
    name="sunrgbd37",
    title="SUN RGB-D: 10,335 frames of rooms with 37 classes.",
    spec=nyu_classes.spec_of("sunrgbd37", CLASSES),
    layout=numbered_pairs,
    labels=nyu_classes.from_one(len(CLASSES)),
    counts={"train": 5285, "validation": 5050},
    files=(
        "The files are image/train/img-000001.jpg and label37/train/img-000001.png (or "
        "00000001.png), and likewise in test, as in ankurhanda/sunrgbd-meta-data."
    ),
    page="https://rgbd.cs.princeton.edu",
    citation="""@inproceedings{song2015sun,
  title={{SUN} {RGB-D}: A {RGB-D} scene understanding benchmark suite},
  author={Song, Shuran and Lichtenberg, Samuel P and Xiao, Jianxiong},
  booktitle={CVPR},
  pages={567--576},
  year={2015}
}""",
    notes=(
        "The validation split contains the 5,050 test frames. Depth is not read. The "
        "classes are the first 37 of the 40 classes of NYUv2, and 0 is void."
    ),
)
