"""Defines the 32 classes of the original CamVid masks.

One of them is Void. Two label maps reduce the other 31 classes to 11.
"""

from __future__ import annotations

import pathlib

from jaxseg.data.labels import LabelMap
from jaxseg.data.layout_parts import files_by_name, first_folder
from jaxseg.data.layouts import Pair
from jaxseg.data.mask_colors import color_map, color_value
from jaxseg.data.spec import VOID, Color

# The color of each class and the class of SegNet that it belongs to. SegNet's own class
# comes first among those that belong together.
ORIGINAL: dict[str, tuple[Color, str]] = {
    "Sky": ((128, 128, 128), "sky"),
    "Building": ((128, 0, 0), "building"),
    "Column_Pole": ((192, 192, 128), "pole"),
    "Road": ((128, 64, 128), "road"),
    "Sidewalk": ((0, 0, 192), "pavement"),
    "Tree": ((128, 128, 0), "tree"),
    "SignSymbol": ((192, 128, 128), "sign-symbol"),
    "Fence": ((64, 64, 128), "fence"),
    "Car": ((64, 0, 128), "car"),
    "Pedestrian": ((64, 64, 0), "pedestrian"),
    "Bicyclist": ((0, 128, 192), "bicyclist"),
    "Animal": ((64, 128, 64), "pedestrian"),
    "Archway": ((192, 0, 128), "building"),
    "Bridge": ((0, 128, 64), "building"),
    "CartLuggagePram": ((64, 0, 192), "pedestrian"),
    "Child": ((192, 128, 64), "pedestrian"),
    "LaneMkgsDriv": ((128, 0, 192), "road"),
    "LaneMkgsNonDriv": ((192, 0, 64), "road"),
    "Misc_Text": ((128, 128, 64), "sign-symbol"),
    "MotorcycleScooter": ((192, 0, 192), "bicyclist"),
    "OtherMoving": ((128, 64, 64), "car"),
    "ParkingBlock": ((64, 192, 128), "pavement"),
    "RoadShoulder": ((128, 128, 192), "pavement"),
    "SUVPickupTruck": ((64, 128, 192), "car"),
    "TrafficCone": ((0, 0, 64), "pole"),
    "TrafficLight": ((0, 64, 64), "sign-symbol"),
    "Train": ((192, 64, 128), "car"),
    "Truck_Bus": ((192, 128, 192), "car"),
    "Tunnel": ((64, 0, 64), "building"),
    "VegetationMisc": ((192, 192, 0), "tree"),
    "Wall": ((64, 192, 0), "building"),
}
NAMES = tuple(sorted(ORIGINAL, key=str.lower))
COLORS = tuple(ORIGINAL[name][0] for name in NAMES)
MERGED = tuple(dict.fromkeys(group for _, group in ORIGINAL.values()))
MAIN = tuple(ORIGINAL)[: len(MERGED)]
RAW = tuple(color_value(ORIGINAL[name][0]) for name in MAIN)
BLACK = {(0, 0, 0): VOID}
FIRST_TEST, FIRST_VALIDATION, LAST_VALIDATION = 8550, 7959, 8159


def all_classes() -> LabelMap:
    """Returns the label map from the colors of CamVid masks to all classes but Void."""
    return color_map({color: k for k, color in enumerate(COLORS)} | BLACK)


def merged_classes() -> LabelMap:
    """Returns SegNet's label map, which merges CamVid's 31 classes into 11 classes."""
    merged = {color: MERGED.index(group) for color, group in ORIGINAL.values()}
    return color_map(merged | BLACK)


def same_name_classes() -> LabelMap:
    """Returns the label map that keeps 11 of CamVid's 31 classes.

    Pixels of the other 20 classes become void.
    """
    named = {
        color: MAIN.index(name) if name in MAIN else VOID
        for name, (color, _) in ORIGINAL.items()
    }
    return color_map(named | BLACK)


def split_of(name: str) -> str:
    """Returns the name of the split in which SegNet uses a CamVid image.

    >>> split_of("0001TP_006690"), split_of("Seq05VD_f00000")
    ('train', 'test')
    """
    sequence, _, frame = name.partition("_")
    number = int("0" + "".join(filter(str.isdecimal, frame)))
    if sequence == "Seq05VD" or (sequence == "0001TP" and number >= FIRST_TEST):
        return "test"
    if sequence == "0016E5" and FIRST_VALIDATION <= number <= LAST_VALIDATION:
        return "validation"
    return "train"


def still_pairs(
    root: pathlib.Path, lists: tuple[str, ...] = ()
) -> dict[str, list[Pair]]:
    """Pairs CamVid images in `701_StillsRaw_full` with masks in `LabeledApproved_full`.

    Args:
      root: The folder that contains both folders.
      lists: Is ignored, because the splits are those of SegNet.

    Returns:
      A dictionary from each split to the list of its pairs.

    Raises:
      ValueError: If a folder is missing.
    """
    del lists  # The splits are those of SegNet.
    images = files_by_name(first_folder(root, "701_StillsRaw_full"))
    masks = files_by_name(first_folder(root, "LabeledApproved_full"))
    masks = {name.removesuffix("_L"): path for name, path in masks.items()}
    splits: dict[str, list[Pair]] = {"train": [], "validation": [], "test": []}
    for name in sorted(images.keys() | masks.keys()):
        pair = Pair(name, images.get(name), masks.get(name))
        splits[split_of(name)].append(pair)
    return {split: pairs for split, pairs in splits.items() if pairs}
