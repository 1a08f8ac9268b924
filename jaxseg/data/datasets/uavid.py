"""Describes UAVid: oblique drone images of streets, with 8 classes."""

from __future__ import annotations

import dataclasses
import pathlib

from jaxseg.data.datasets.record import Dataset
from jaxseg.data.layout_parts import first_folder
from jaxseg.data.layouts import Pair, match_folders
from jaxseg.data.mask_colors import color_map, read_colors
from jaxseg.data.spec import DatasetSpec

CLASSES = {
    "clutter": (0, 0, 0),
    "building": (128, 0, 0),
    "road": (128, 64, 128),
    "static car": (192, 0, 192),
    "tree": (0, 128, 0),
    "vegetation": (128, 128, 0),
    "human": (64, 64, 0),
    "moving car": (64, 0, 128),
}
FOLDERS = {
    "train": ("uavid_train", "train"),
    "validation": ("uavid_val", "val", "valid"),
}


def sequence_pairs(
    root: pathlib.Path, lists: tuple[str, ...] = ()
) -> dict[str, list[Pair]]:
    """Pairs UAVid images in the folders `Images` with masks in the folders `Labels`.

    Both folders are in a folder `uavid_SPLIT/SEQUENCE`. Files of different sequences
    have the same names. The name of a pair therefore starts with the name of the
    sequence.

    Args:
      root: The folder that contains the folders `uavid_SPLIT`.
      lists: Ignored. All layout functions take this argument; see `Dataset.layout`.

    Returns:
      A dictionary from each split to the list of its pairs.

    Raises:
      ValueError: If a folder is missing.
    """
    del lists  # This layout has no lists.
    return {
        split: _frames(first_folder(root, *folders))
        for split, folders in FOLDERS.items()
    }


def _frames(folder: pathlib.Path) -> list[Pair]:
    sequences = sorted(path for path in folder.iterdir() if path.is_dir())
    return [
        dataclasses.replace(pair, name=f"{sequence.name}_{pair.name}")
        for sequence in sequences
        for pair in match_folders(
            first_folder(sequence, "Images"), first_folder(sequence, "Labels")
        )
    ]


DATASET = Dataset(
    name="uavid",
    title="UAVid: 2160x3840 views of streets from a drone with 8 classes.",
    spec=DatasetSpec("uavid", tuple(CLASSES), tuple(CLASSES.values())),
    layout=sequence_pairs,
    labels=color_map({color: k for k, color in enumerate(CLASSES.values())}),
    read_values=read_colors,
    counts={"train": 200, "validation": 70},
    files=(
        "The images are uavid_{train,val}/seqN/Images/*.png and the colored masks are "
        "uavid_{train,val}/seqN/Labels/*.png. The names train, val and valid of the "
        "folders are accepted too."
    ),
    page="https://uavid.nl",
    license="CC BY-NC-SA 4.0.",
    citation="""@article{lyu2020uavid,
  title={UAVid: A semantic segmentation dataset for UAV imagery},
  author={Lyu, Ye and Vosselman, George and Xia, Gui-Song and Yilmaz, Alper and
    Yang, Michael Ying},
  journal={ISPRS Journal of Photogrammetry and Remote Sensing},
  volume={165},
  pages={108--119},
  year={2020}
}""",
    notes=(
        "No pixel is void. A color that is not in the list is an error, while the "
        "toolkit of the authors reads it as clutter. Masks of the 150 test images are "
        "not published."
    ),
)
