"""Describes PASCAL-Context: VOC 2010 with 59 classes and background."""

from __future__ import annotations

import pathlib

import numpy as np

from jaxseg.data.datasets.compact import colors_of, names_of
from jaxseg.data.datasets.record import Dataset
from jaxseg.data.datasets.variants import Choice, Option
from jaxseg.data.labels import LabelMap
from jaxseg.data.layout_parts import (
    MATLAB,
    files_by_name,
    first_folder,
    pairs_of_list,
)
from jaxseg.data.layouts import Pair
from jaxseg.data.mask_arrays import read_matlab
from jaxseg.data.reader import ReadOptions
from jaxseg.data.spec import VOID, DatasetSpec

ALL = 459  # The masks have the ids 1 to 459, and 0.
# The id of each class, in ascending order. Names and ids agree with the list of 459
# names that comes with the masks, which is alphabetical.
IDS = (
    *(2, 9, 18, 19, 22, 23, 25, 31, 33, 34, 44, 45, 46, 59, 65, 68, 72, 80, 85, 98),
    *(104, 105, 113, 115, 144, 158, 159, 162, 187, 189, 207, 220, 232, 258, 259, 260),
    *(284, 295, 296, 308, 324, 326, 347, 349, 354, 355, 360, 366, 368, 397, 415, 416),
    *(420, 424, 427, 440, 445, 454, 458),
)
CLASSES = names_of(
    "aeroplane, bag, bed, bedclothes, bench, bicycle, bird, boat, book, bottle, "
    "building, bus, cabinet, car, cat, ceiling, chair, cloth, computer, cow, cup, "
    "curtain, dog, door, fence, floor, flower, food, grass, ground, horse, keyboard, "
    "light, motorbike, mountain, mouse, person, plate, platform, pottedplant, road, "
    "rock, sheep, shelves, sidewalk, sign, sky, snow, sofa, table, track, train, "
    "tree, truck, tvmonitor, wall, water, window, wood"
)
PALETTE = colors_of(
    "b47878 06e6e6 503232 04c803 787850 8c8c8c cc05ff e6e6e6 04fa07 e005ff ebff07 "
    "96053d 787846 08ff33 ff0652 8fff8c ccff04 ff3307 cc4603 0066c8 3de6fa ff0633 "
    "0b66ff ff0747 ff09e0 0907e6 dcdcdc ff095c 7009ff 08ffd6 07ffe0 ffb806 0aff47 "
    "ff290a 07ffff e0ff08 6608ff ff3d06 ffc207 ff7a08 00ff14 ff0829 ff0599 0633ff "
    "eb0cff a09614 00a3ff 8c8c8c fa0a0f 14ff00 1fff00 ff1f00 ffe000 99ff00 0000ff "
    "ff4700 00ebff 00adff 1f00ff"
)


def context_pairs(
    root: pathlib.Path, lists: tuple[str, ...] = ()
) -> dict[str, list[Pair]]:
    """Pairs the images and masks that `ImageSets/Main/{train,val}.txt` list.

    If `ImageSets/SegmentationContext` contains lists, they are read instead.

    Args:
      root: The folder that contains VOCdevkit/VOC2010 and trainval.
      lists: Ignored, because published lists define the splits.

    Returns:
      A dictionary from each split to the list of its pairs.

    Raises:
      ValueError: If a folder or a list is missing.
    """
    del lists  # The lists are published.
    devkit = first_folder(root, "VOCdevkit/VOC2010", "VOC2010")
    images = files_by_name(first_folder(devkit, "JPEGImages"))
    masks = files_by_name(first_folder(root, "trainval"), MATLAB)
    members = first_folder(devkit, "ImageSets/SegmentationContext", "ImageSets/Main")
    return {
        split: pairs_of_list(members / f"{name}.txt", images, masks)
        for split, name in (("train", "train"), ("validation", "val"))
    }


def read_context(path: pathlib.Path, options: ReadOptions) -> np.ndarray:
    """Reads a mask of PASCAL-Context.

    This function is the value of `Dataset.read_values` for this dataset.

    Args:
      path: The MATLAB file.
      options: Ignored, because the file is not an image file.

    Returns:
      The class ids of the file, 0 to 459, int32 [H, W].

    Raises:
      ValueError: If the file cannot be read.
    """
    del options  # The file is not an image.
    return read_matlab(path, "LabelMap")


def label_map(other: int, first: int) -> LabelMap:
    """Returns the label map from the 459 ids in the mask files to the classes.

    Args:
      other: The class of all ids that belong to none of the 59 classes.
      first: The index of the first of the 59 classes.
    """
    classes = {value: k + first for k, value in enumerate(IDS)}
    return LabelMap(tuple((v, classes.get(v, other)) for v in range(ALL + 1)))


DATASET = Dataset(
    name="pascal_context",
    title="PASCAL-Context: all pixels of VOC 2010 with 59 classes.",
    spec=DatasetSpec("pascal_context", CLASSES, PALETTE),
    layout=context_pairs,
    labels=label_map(other=VOID, first=0),
    read_values=read_context,
    counts={"train": 4998, "validation": 5105},
    options=(
        Option(
            "class list",
            (
                Choice("59-classes", "59 classes; all other ids are ignored"),
                Choice(
                    "60-classes",
                    "the same after the class background, which holds all other ids",
                    {
                        "spec": DatasetSpec(
                            "pascal_context",
                            ("background", *CLASSES),
                            ((0, 0, 0), *PALETTE),
                        ),
                        "labels": label_map(other=0, first=1),
                    },
                ),
            ),
        ),
    ),
    files=(
        "VOCdevkit/VOC2010 has the folders JPEGImages and ImageSets/Main, from "
        "VOCtrainval_03-May-2010.tar, and trainval/*.mat are the masks with the "
        "variable LabelMap, from trainval.tar.gz. Lists train.txt and val.txt in "
        "VOCdevkit/VOC2010/ImageSets/SegmentationContext take precedence."
    ),
    page="https://cs.stanford.edu/~roozbeh/pascal-context/",
    license="The images are under the terms of use of Flickr.",
    citation="""@inproceedings{mottaghi2014role,
  title={The Role of Context for Object Detection and Semantic Segmentation in the
    Wild},
  author={Mottaghi, Roozbeh and Chen, Xianjie and Liu, Xiaobai and Cho, Nam-Gyu and
    Lee, Seong-Whan and Fidler, Sanja and Urtasun, Raquel and Yuille, Alan},
  booktitle={CVPR},
  year={2014}
}""",
    notes=(
        "Scores with 59 and with 60 classes are not comparable. The lists that the "
        "Detail API makes have 4,996 and 5,104 images. Masks in the form of the Detail "
        "API (trainval_merged.json) are not read."
    ),
)
