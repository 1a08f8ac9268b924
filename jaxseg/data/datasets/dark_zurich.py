"""Describes the validation split of Dark Zurich: streets at night, 19 classes."""

from __future__ import annotations

import pathlib

from jaxseg.data.datasets.cityscapes import CLASSES, PALETTE
from jaxseg.data.datasets.record import Dataset
from jaxseg.data.labels import LabelMap
from jaxseg.data.layouts import Pair, match_trees, require_folder
from jaxseg.data.spec import VOID, DatasetSpec


def night_pairs(
    root: pathlib.Path, lists: tuple[str, ...] = ()
) -> dict[str, list[Pair]]:
    """Pairs the images in `rgb_anon/val/night` with the masks in `gt/val/night`.

    Args:
      root: The folder that contains rgb_anon and gt.
      lists: Ignored. All layout functions take this argument; see `Dataset.layout`.

    Returns:
      A dictionary from each split to the list of its pairs.

    Raises:
      ValueError: If a folder is missing, or two files have the same name.
    """
    del lists  # This layout has no lists.
    require_folder(root)
    pairs = match_trees(
        root / "rgb_anon/val/night",
        root / "gt/val/night",
        image_end="_rgb_anon",
        mask_end="_gt_labelTrainIds",
    )
    return {"validation": pairs}


DATASET = Dataset(
    name="dark_zurich",
    title="Dark Zurich: 50 street scenes at night with the classes of Cityscapes.",
    spec=DatasetSpec("dark_zurich", CLASSES, PALETTE),
    layout=night_pairs,
    labels=LabelMap((*((k, k) for k in range(len(CLASSES))), (VOID, VOID))),
    counts={"validation": 50},
    files=(
        "The files are rgb_anon/val/night/GOPR0356/*_rgb_anon.png and "
        "gt/val/night/GOPR0356/*_gt_labelTrainIds.png, from the validation package."
    ),
    page="https://www.trace.ethz.ch/publications/2019/GCMA_UIoU",
    license="For non-commercial research and teaching.",
    citation="""@inproceedings{sakaridis2019guided,
  title={Guided curriculum model adaptation and uncertainty-aware evaluation for
    semantic nighttime image segmentation},
  author={Sakaridis, Christos and Dai, Dengxin and Van Gool, Luc},
  booktitle={ICCV},
  pages={7374--7383},
  year={2019}
}""",
    notes=(
        "There is only a validation split: the training images have no masks, and the "
        "masks of the test split are not published. Networks are trained on "
        "Cityscapes. The masks of invalid pixels (invGray) are not read."
    ),
)
