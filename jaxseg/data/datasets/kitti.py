"""Describes the semantic segmentation of KITTI 2015, with the classes of Cityscapes."""

from __future__ import annotations

import functools
import pathlib

from jaxseg.data.datasets import cityscapes
from jaxseg.data.datasets.record import Dataset
from jaxseg.data.datasets.variants import Choice, Option
from jaxseg.data.layouts import Pair, match_folders, require_folder
from jaxseg.data.spec import DatasetSpec

FOURTHS = frozenset(range(0, 200, 4))
MSEG = frozenset(  # mseg/dataset_lists/kitti-19/list/val.txt of mseg-dataset/mseg-api.
    (
        *(1, 3, 7, 8, 20, 22, 24, 25, 26, 30, 37, 43, 49, 50, 52, 57, 60, 61, 63, 68),
        *(71, 72, 76, 79, 86, 96, 101, 115, 121, 128, 129, 131, 133, 134, 137, 139),
        *(140, 141, 142, 144, 146, 149, 156, 157, 169, 175, 178, 190, 192, 196),
    )
)


def numbered_pairs(
    root: pathlib.Path,
    lists: tuple[str, ...] = (),
    *,
    held_out: frozenset[int] = FOURTHS,
) -> dict[str, list[Pair]]:
    """Pairs KITTI images in `training/image_2` with masks in `training/semantic`.

    Args:
      root: The folder that contains `training`.
      lists: Ignored. All layout functions take this argument; see `Dataset.layout`.
      held_out: The numbers of the images that form the validation split.

    Returns:
      A dictionary from each split to the list of its pairs.

    Raises:
      ValueError: If a folder is missing, or a name does not start with a number.
    """
    del lists  # This layout has no lists.
    training = root / "training"
    for folder in (training, training / "image_2", training / "semantic"):
        require_folder(folder)
    splits: dict[str, list[Pair]] = {"train": [], "validation": []}
    for pair in match_folders(training / "image_2", training / "semantic"):
        number = pair.name.partition("_")[0]
        if not number.isdecimal():
            raise ValueError(
                f"{training}: expected names such as 000000_10.png, found "
                f"{pair.name!r}. Remove or rename this file."
            )
        splits["validation" if int(number) in held_out else "train"].append(pair)
    return splits


DATASET = Dataset(
    name="kitti",
    title="KITTI 2015: 375x1242 street scenes with the 19 classes of Cityscapes.",
    spec=DatasetSpec("kitti", cityscapes.CLASSES, cityscapes.PALETTE),
    layout=numbered_pairs,
    labels=cityscapes.LABELS,
    counts={"train": 150, "validation": 50},
    options=(
        Option(
            "split",
            (
                Choice("every-fourth", "the numbers divisible by four are validation"),
                Choice(
                    "mseg",
                    "the 50 images that MSeg holds out are validation",
                    {"layout": functools.partial(numbered_pairs, held_out=MSEG)},
                ),
            ),
        ),
    ),
    files=(
        "The images are training/image_2/*.png and the masks are training/semantic/"
        "*.png, from data_semantics.zip."
    ),
    page="https://www.cvlibs.net/datasets/kitti/eval_semseg.php?benchmark=semantics2015",
    license="CC BY-NC-SA 3.0.",
    citation="""@article{alhaija2018augmented,
  title={Augmented Reality Meets Computer Vision: Efficient Data Generation for Urban
    Driving Scenes},
  author={Alhaija, Hassan Abu and Mustikovela, Siva Karthik and Mescheder, Lars and
    Geiger, Andreas and Rother, Carsten},
  journal={International Journal of Computer Vision},
  year={2018}
}""",
    notes=(
        "There is no official validation split. By default it is the 50 images whose "
        "number is divisible by four; other works hold out other images. The sizes of "
        "the images differ. The test server takes label ids, which `to_raw` returns."
    ),
)
