"""Describes the semantic segmentation of BDD100K, with the classes of Cityscapes."""

from __future__ import annotations

import pathlib

from jaxseg.data.datasets import cityscapes
from jaxseg.data.datasets.record import Dataset
from jaxseg.data.labels import LabelMap
from jaxseg.data.layout_parts import first_folder
from jaxseg.data.layouts import Pair, match_trees
from jaxseg.data.spec import VOID, DatasetSpec


def driving_pairs(
    root: pathlib.Path, lists: tuple[str, ...] = ()
) -> dict[str, list[Pair]]:
    """Pairs images of `images/10k/SPLIT` with masks of `labels/sem_seg/masks/SPLIT`.

    In the earlier release, these folders are `seg/images/SPLIT` and `seg/labels/SPLIT`.

    Args:
      root: The folder that contains these folders.
      lists: Ignored. All layout functions take this argument; see `Dataset.layout`.

    Returns:
      A dictionary from each split to the list of its pairs.

    Raises:
      ValueError: If a folder is missing.
    """
    del lists  # This layout has no lists.
    images = first_folder(root, "images/10k", "seg/images")
    if images.parent.name == "seg":
        masks, end = root / "seg" / "labels", "_train_id"
    else:
        masks, end = root / "labels" / "sem_seg" / "masks", ""
    return {
        split: match_trees(images / folder, masks / folder, image_end="", mask_end=end)
        for split, folder in (("train", "train"), ("validation", "val"))
    }


DATASET = Dataset(
    name="bdd100k",
    title="BDD100K: 720x1280 driving scenes with the 19 classes of Cityscapes.",
    spec=DatasetSpec("bdd100k", cityscapes.CLASSES, cityscapes.PALETTE),
    layout=driving_pairs,
    labels=LabelMap((*((k, k) for k in range(len(cityscapes.CLASSES))), (VOID, VOID))),
    counts={"train": 7000, "validation": 1000},
    files=(
        "The images are images/10k/{train,val}/*.jpg and the masks are labels/sem_seg/"
        "masks/{train,val}/*.png. The earlier release with seg/images/{train,val} and "
        "seg/labels/{train,val}/*_train_id.png is read too."
    ),
    page="https://doc.bdd100k.com/download.html",
    license="For research and teaching without profit; see the page.",
    citation="""@inproceedings{yu2020bdd100k,
  title={BDD100K: A Diverse Driving Dataset for Heterogeneous Multitask Learning},
  author={Yu, Fisher and Chen, Haofeng and Wang, Xin and Xian, Wenqi and Chen, Yingying
    and Liu, Fangchen and Madhavan, Vashisht and Darrell, Trevor},
  booktitle={CVPR},
  year={2020}
}""",
    notes=(
        "The masks contain classes, and not the label ids of Cityscapes. Masks of the "
        "test split are not published. The class train hardly occurs."
    ),
)
