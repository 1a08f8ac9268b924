"""Describes Nighttime Driving: streets at night with the classes of Cityscapes."""

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
    """Pairs the images in `leftImg8bit/test/night` with their coarse masks.

    Args:
      root: The folder that contains leftImg8bit and the folder of the masks,
        gtCoarse_daytime_trainvaltest.
      lists: Ignored. All layout functions take this argument; see `Dataset.layout`.

    Returns:
      A dictionary from each split to the list of its pairs.

    Raises:
      ValueError: If a folder is missing, or two files have the same name.
    """
    del lists  # This layout has no lists.
    require_folder(root)
    pairs = match_trees(
        root / "leftImg8bit/test/night",
        root / "gtCoarse_daytime_trainvaltest/test/night",
        image_end="_leftImg8bit",
        mask_end="_gtCoarse_labelTrainIds",
    )
    return {"validation": pairs}


DATASET = Dataset(
    name="nighttime_driving",
    title="Nighttime Driving: 50 street scenes with the classes of Cityscapes.",
    spec=DatasetSpec("nighttime_driving", CLASSES, PALETTE),
    layout=night_pairs,
    labels=LabelMap((*((k, k) for k in range(len(CLASSES))), (VOID, VOID))),
    counts={"validation": 50},
    files=(
        "The files are leftImg8bit/test/night/*_leftImg8bit.png and "
        "gtCoarse_daytime_trainvaltest/test/night/*_gtCoarse_labelTrainIds.png."
    ),
    page="http://people.ee.ethz.ch/~daid/NightDriving",
    citation="""@inproceedings{dai2018dark,
  title={Dark model adaptation: Semantic image segmentation from daytime to nighttime},
  author={Dai, Dengxin and Van Gool, Luc},
  booktitle={International Conference on Intelligent Transportation Systems},
  pages={3819--3824},
  year={2018}
}""",
    notes=(
        "There is only this split, which serves for evaluation. Networks are trained "
        "on Cityscapes. The masks are coarse, so many pixels are void."
    ),
)
