"""Describes PASCAL VOC 2012 with 21 classes, alone or with the masks of SBD."""

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
from jaxseg.data.reader import ReadOptions, read_pixels
from jaxseg.data.spec import VOID, DatasetSpec

CLASSES = names_of(
    "background, aeroplane, bicycle, bird, boat, bottle, bus, car, cat, chair, cow, "
    "diningtable, dog, horse, motorbike, person, pottedplant, sheep, sofa, train, "
    "tvmonitor"
)
PALETTE = colors_of(
    "000000 800000 008000 808000 000080 800080 008080 808080 400000 c00000 408000 "
    "c08000 400080 c00080 408080 c08080 004000 804000 00c000 80c000 004080"
)


def voc_pairs(root: pathlib.Path, lists: tuple[str, ...] = ()) -> dict[str, list[Pair]]:
    """Pairs the images and masks that `ImageSets/Segmentation/{train,val}.txt` list.

    Args:
      root: The folder that contains VOCdevkit/VOC2012 or VOC2012.
      lists: Ignored, because published lists define the splits.

    Returns:
      A dictionary from each split to the list of its pairs.

    Raises:
      ValueError: If a folder or a list is missing.
    """
    del lists  # The lists are published.
    devkit = first_folder(root, "VOCdevkit/VOC2012", "VOC2012")
    images = files_by_name(first_folder(devkit, "JPEGImages"))
    masks = files_by_name(first_folder(devkit, "SegmentationClass"))
    members = devkit / "ImageSets" / "Segmentation"
    return {
        split: pairs_of_list(members / f"{name}.txt", images, masks)
        for split, name in (("train", "train"), ("validation", "val"))
    }


def augmented_pairs(
    root: pathlib.Path, lists: tuple[str, ...] = ()
) -> dict[str, list[Pair]]:
    """Pairs the files of VOC 2012 and SBD, which has more training images.

    The images of SBD are added to `train`, except those in VOC's validation split.

    If an image has a mask in VOC and in SBD, the mask of VOC is used, because it marks
    the borders of objects as void.

    Args:
      root: The folder that contains VOCdevkit/VOC2012 and benchmark_RELEASE.
      lists: Ignored, because published lists define the splits.

    Returns:
      A dictionary from each split to the list of its pairs.

    Raises:
      ValueError: If a folder or a list is missing.
    """
    splits = voc_pairs(root, lists)
    devkit = first_folder(root, "VOCdevkit/VOC2012", "VOC2012")
    benchmark = first_folder(root, "benchmark_RELEASE/dataset")
    images = files_by_name(devkit / "JPEGImages")
    masks = files_by_name(first_folder(benchmark, "cls"), MATLAB)
    taken = {pair.name for pairs in splits.values() for pair in pairs}
    for name in ("train", "val"):
        path = benchmark / f"{name}.txt"
        more = [p for p in pairs_of_list(path, images, masks) if p.name not in taken]
        splits["train"] += more
        taken |= {pair.name for pair in more}
    return splits


def fcn_pairs(root: pathlib.Path, lists: tuple[str, ...] = ()) -> dict[str, list[Pair]]:
    """Pairs the images and masks of the splits that FCN used.

    The training split is that of SBD. The validation split consists of the images of
    VOC 2011 that the file seg11valid.txt lists.

    Args:
      root: The folder that contains VOCdevkit/VOC2012 and benchmark_RELEASE.
      lists: Ignored, because published lists define the splits.

    Returns:
      A dictionary from each split to the list of its pairs.

    Raises:
      ValueError: If a folder or a list is missing.
    """
    del lists  # The lists are published.
    devkit = first_folder(root, "VOCdevkit/VOC2012", "VOC2012")
    benchmark = first_folder(root, "benchmark_RELEASE/dataset")
    images = files_by_name(first_folder(devkit, "JPEGImages"))
    masks = files_by_name(first_folder(benchmark, "cls"), MATLAB)
    own = files_by_name(first_folder(devkit, "SegmentationClass"))
    return {
        "train": pairs_of_list(benchmark / "train.txt", images, masks),
        "validation": pairs_of_list(benchmark / "seg11valid.txt", images, own),
    }


def read_mask(path: pathlib.Path, options: ReadOptions) -> np.ndarray:
    """Reads a mask of VOC or of SBD.

    This function is the value of `Dataset.read_values` for this dataset.

    Args:
      path: A PNG file of VOC, whose palette indices are the classes, or a MATLAB file
        of SBD.
      options: The options of the image reader.

    Returns:
      Class indices, and 255 for void, integers [H, W].

    Raises:
      ValueError: If the file cannot be read.
    """
    if path.suffix.lower() in MATLAB:
        return read_matlab(path, "GTcls", "Segmentation")
    return read_pixels(path, options, mask=True)


DATASET = Dataset(
    name="voc2012",
    title="PASCAL VOC 2012: photographs with 20 classes of objects and background.",
    spec=DatasetSpec("voc2012", CLASSES, PALETTE),
    layout=voc_pairs,
    labels=LabelMap((*((k, k) for k in range(len(CLASSES))), (VOID, VOID))),
    read_values=read_mask,
    counts={"train": 1464, "validation": 1449},
    options=(
        Option(
            "split",
            (
                Choice("train", "the 1,464 images of VOC"),
                Choice(
                    "trainaug",
                    "10,582 images: those of VOC, and those of SBD that are not in "
                    "VOC's validation split",
                    {
                        "layout": augmented_pairs,
                        "counts": {"train": 10_582, "validation": 1449},
                    },
                ),
                Choice(
                    "fcn",
                    "the 8,498 training images of SBD and the 736 validation images of "
                    "FCN's list seg11valid.txt",
                    {
                        "layout": fcn_pairs,
                        "counts": {"train": 8498, "validation": 736},
                    },
                ),
            ),
        ),
    ),
    files=(
        "VOCdevkit/VOC2012 has the folders JPEGImages, SegmentationClass and ImageSets/"
        "Segmentation, from VOCtrainval_11-May-2012.tar. The variant trainaug also "
        "needs benchmark_RELEASE/dataset with cls/*.mat, train.txt and val.txt, from "
        "benchmark.tgz of SBD, and the variant fcn needs FCN's list seg11valid.txt in "
        "the same folder."
    ),
    page="http://host.robots.ox.ac.uk/pascal/VOC/voc2012/",
    license="The images are under the terms of use of Flickr.",
    citation="""@article{everingham2015pascal,
  title={The Pascal Visual Object Classes Challenge: A Retrospective},
  author={Everingham, Mark and Eslami, S. M. Ali and Van Gool, Luc and
    Williams, Christopher K. I. and Winn, John and Zisserman, Andrew},
  journal={International Journal of Computer Vision},
  volume={111},
  number={1},
  pages={98--136},
  year={2015}
}
@inproceedings{hariharan2011semantic,
  title={Semantic Contours from Inverse Detectors},
  author={Hariharan, Bharath and Arbelaez, Pablo and Bourdev, Lubomir and
    Maji, Subhransu and Malik, Jitendra},
  booktitle={ICCV},
  year={2011}
}""",
    notes=(
        "Most papers train on trainaug. The masks of SBD have no void border. The "
        "training list of SBD contains images of VOC's validation split, which are "
        "left out. Masks of VOC's test split are not published."
    ),
)
