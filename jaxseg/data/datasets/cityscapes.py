"""Describes Cityscapes: street scenes of 50 cities with 19 classes."""

from __future__ import annotations

import functools
import pathlib

import numpy as np

from jaxseg.data.datasets.compact import colors_of, names_of
from jaxseg.data.datasets.record import Dataset
from jaxseg.data.datasets.variants import Choice, Option
from jaxseg.data.files import shown
from jaxseg.data.labels import LabelMap
from jaxseg.data.layouts import MissingFiles, Pair, match_trees, require_folder
from jaxseg.data.reader import ReadOptions, read_pixels
from jaxseg.data.spec import VOID, DatasetSpec

# The ids of the 19 evaluated classes, in the order of their train ids.
IDS = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)
CLASSES = names_of(
    "road, sidewalk, building, wall, fence, pole, traffic light, traffic sign, "
    "vegetation, terrain, sky, person, rider, car, truck, bus, train, motorcycle, "
    "bicycle"
)
PALETTE = colors_of(
    "804080 f423e8 464646 66669c be9999 999999 faaa1e dcdc00 6b8e23 98fb98 4682b4 "
    "dc143c ff0000 00008e 000046 003c64 005064 0000e6 770b20"
)
LABELS = LabelMap(  # The label ids 0 to 33 of cityscapesscripts/helpers/labels.py.
    tuple((i, IDS.index(i) if i in IDS else VOID) for i in range(34))
)
CATEGORIES = {
    "flat": ("road", "sidewalk"),
    "construction": ("building", "wall", "fence"),
    "object": ("pole", "traffic light", "traffic sign"),
    "nature": ("vegetation", "terrain"),
    "sky": ("sky",),
    "human": ("person", "rider"),
    "vehicle": ("car", "truck", "bus", "train", "motorcycle", "bicycle"),
}
TRAIN_IDS = "_labelTrainIds"
FINE = {"train": ("gtFine", "train"), "validation": ("gtFine", "val")}
COARSE = {"train": ("gtCoarse", "train"), "validation": ("gtFine", "val")}
EXTRA = {"train_extra": ("gtCoarse", "train_extra")}
COUNTS = {"train": 2975, "validation": 500}


def city_pairs(
    root: pathlib.Path,
    lists: tuple[str, ...] = (),
    *,
    masks: dict[str, tuple[str, str]] = FINE,
) -> dict[str, list[Pair]]:
    """Pairs the images in `leftImg8bit/SPLIT` with the masks in `KIND/SPLIT`.

    KIND is gtFine or gtCoarse. The masks are the files `*_labelIds.png`, or the files
    `*_labelTrainIds.png` if a folder has no `*_labelIds.png`.

    Args:
      root: The folder that contains leftImg8bit, gtFine and gtCoarse.
      lists: Ignored. All layout functions take this argument; see `Dataset.layout`.
      masks: A dictionary from each split to a pair (KIND, SPLIT), which names the
        folders of the split.

    Returns:
      A dictionary from each split to the list of its pairs.

    Raises:
      ValueError: If a folder is missing, or two files have the same name.
    """
    del lists  # This layout has no lists.
    require_folder(root)
    return {
        split: _pairs(root, kind, folder) for split, (kind, folder) in masks.items()
    }


def _pairs(root: pathlib.Path, kind: str, folder: str) -> list[Pair]:
    images, labels = root / "leftImg8bit" / folder, root / kind / folder
    ends = (f"_{kind}_labelIds", f"_{kind}{TRAIN_IDS}")
    for end in ends:
        pairs = match_trees(images, labels, image_end="_leftImg8bit", mask_end=end)
        if any(pair.mask for pair in pairs):
            return pairs
    raise MissingFiles(
        f"{labels} has no mask: expected *{ends[0]}.png in the folder of each city. "
        "Download the masks, or correct the path."
    )


def read_ids(path: pathlib.Path, options: ReadOptions) -> np.ndarray:
    """Reads a Cityscapes mask as label ids.

    This function is the value of `Dataset.read_values` for this dataset.

    Args:
      path: A file `*_labelIds.png` or `*_labelTrainIds.png`.
      options: The options of the image reader.

    Returns:
      Label ids, integers [H, W].

    Raises:
      ValueError: If the file cannot be read, or a train id is not one of 0 to 18 and
        255.
    """
    mask = read_pixels(path, options, mask=True)
    if not path.stem.endswith(TRAIN_IDS):
        return mask
    ids = np.full(256, -1)
    ids[: len(IDS)], ids[VOID] = IDS, 0
    if wrong := sorted(set(np.unique(mask).tolist()) - {*range(len(IDS)), VOID}):
        raise ValueError(
            f"{shown(path)}: the mask value {wrong[0]} is not a train id: expected 0 "
            "to 18, or 255 for void. Make the files with csCreateTrainIdLabelImgs. Or "
            "remove them, and the files *_labelIds.png are read instead."
        )
    return ids[mask]


DATASET = Dataset(
    name="cityscapes",
    title="Cityscapes: 1024x2048 street scenes of 50 cities with 19 classes.",
    spec=DatasetSpec("cityscapes", CLASSES, PALETTE),
    layout=city_pairs,
    labels=LABELS,
    read_values=read_ids,
    counts=COUNTS,
    categories=CATEGORIES,
    options=(
        Option(
            "annotation",
            (
                Choice("fine", "fine masks in both splits"),
                Choice(
                    "coarse",
                    "coarse masks in train and train_extra, fine masks in validation",
                    {
                        "layout": functools.partial(city_pairs, masks=COARSE | EXTRA),
                        "counts": COUNTS | {"train_extra": 19_998},
                    },
                ),
                Choice(
                    "fine-and-extra",
                    "fine masks in train and validation, coarse ones in train_extra, "
                    "for --data.train-split train+train_extra",
                    {
                        "layout": functools.partial(city_pairs, masks=FINE | EXTRA),
                        "counts": COUNTS | {"train_extra": 19_998},
                    },
                ),
            ),
        ),
    ),
    files=(
        "The images are leftImg8bit/{train,val}/CITY/*_leftImg8bit.png, from "
        "leftImg8bit_trainvaltest.zip, and the masks are gtFine/{train,val}/CITY/"
        "*_gtFine_labelIds.png, from gtFine_trainvaltest.zip. The coarse variants also "
        "need gtCoarse.zip and leftImg8bit_trainextra.zip, unpacked in the same folder."
    ),
    page="https://www.cityscapes-dataset.com/downloads",
    license="For non-commercial research and teaching, after registration.",
    citation="""@inproceedings{cordts2016cityscapes,
  title={The Cityscapes Dataset for Semantic Urban Scene Understanding},
  author={Cordts, Marius and Omran, Mohamed and Ramos, Sebastian and Rehfeld, Timo
    and Enzweiler, Markus and Benenson, Rodrigo and Franke, Uwe and Roth, Stefan
    and Schiele, Bernt},
  booktitle={CVPR},
  year={2016}
}""",
    notes=(
        "The masks of the test split are not published: they contain only the ego "
        "vehicle and the border. The test server takes label ids, which `to_raw` of "
        "the record returns, and not classes. Most pixels of coarse masks are void."
    ),
)
