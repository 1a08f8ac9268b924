"""Draws tiny copies of published datasets of streets, with their labels."""

import numpy as np
from PIL import Image

from tests.data.published_files import (
    Copy,
    remove,
    save_colors,
    save_mask,
    save_photo,
    spoil,
)

VOID = 255


def city(root, kind, split, name, ids, end="labelIds"):
    """Writes one frame with the files that accompany it."""
    folder, town = "leftImg8bit", name.partition("_")[0]
    save_photo(root / folder / split / town / f"{name}_{folder}.png", len(ids))
    masks = root / kind / split / town
    save_mask(masks / f"{name}_{kind}_{end}.png", ids)
    save_mask(masks / f"{name}_{kind}_instanceIds.png", [9] * len(ids))
    save_mask(masks / f"{name}_{kind}_color.png", [99] * len(ids))
    (masks / f"{name}_{kind}_polygons.json").write_text("{}")


def draw_cityscapes(root):
    """Every id in one frame, and a test mask that must not be read."""
    city(root, "gtFine", "train", "aachen_000000_000019", range(34))
    city(root, "gtFine", "train", "bonn_000001_000019", [7, 0, 33, 4])
    city(root, "gtFine", "val", "ulm_000000_000019", [26, 26, 1, 30])
    city(root, "gtFine", "test", "berlin_000000_000019", [99, 99, 99, 99])
    city(root, "gtCoarse", "train", "aachen_000000_000019", [0] * 33 + [26])
    city(root, "gtCoarse", "train", "bonn_000001_000019", [7, 0, 0, 0])
    city(root, "gtCoarse", "train_extra", "wien_000000_000019", [0, 8, 0])


IDS = [VOID] * 7 + [0, 1, VOID, VOID, 2, 3, 4, VOID, VOID, VOID, 5, VOID]
IDS += [6, 7, 8, 9, 10, 11, 12, 13, 14, 15, VOID, VOID, 16, 17, 18]
FINE = {
    "train": {
        "aachen_000000_000019": IDS,
        "bonn_000001_000019": [0, VOID, 18, VOID],
    },
    "validation": {"ulm_000000_000019": [13, 13, VOID, VOID]},
}
EXTRA = {"wien_000000_000019": [VOID, 1, VOID]}
COARSE = {
    "aachen_000000_000019": [VOID] * 33 + [13],
    "bonn_000001_000019": [0, VOID, VOID, VOID],
}


def draw_train_ids(root):
    """Files that csCreateTrainIdLabelImgs makes, without the label ids."""
    for split, name in (("train", "aachen_0_1"), ("val", "ulm_0_1")):
        city(root, "gtFine", split, name, [0, 7, 18, 255], end="labelTrainIds")


def draw_kitti(root):
    """Images of two sizes; those with a number divisible by four are held out."""
    for number, ids in ((1, [7, 26]), (4, [24, 33, 4]), (5, [0, 11]), (8, [8, 8])):
        for folder in ("image_2", "semantic_rgb"):
            save_photo(root / f"training/{folder}/{number:06}_10.png", len(ids))
        save_mask(root / f"training/semantic/{number:06}_10.png", ids)
        instances = Image.fromarray(np.full((2, len(ids)), 6656, np.uint16))
        (root / "training/instance").mkdir(exist_ok=True)
        instances.save(root / f"training/instance/{number:06}_10.png")
    save_photo(root / "testing/image_2/000000_10.png", 2)


KITTI = {
    "train": {"000001_10": [0, 13], "000005_10": [VOID, 2]},
    "validation": {"000004_10": [11, 18, VOID], "000008_10": [1, 1]},
}
KITTI_MSEG = {
    "train": {"000004_10": [11, 18, VOID], "000005_10": [VOID, 2]},
    "validation": {"000001_10": [0, 13], "000008_10": [1, 1]},
}


def draw_bdd100k(root):
    """Masks of classes, where 7 is the traffic sign and not the road."""
    for split, name in (("train", "a-1"), ("train", "b-2"), ("val", "c-3")):
        save_photo(root / f"images/10k/{split}/{name}.jpg", 4)
        save_mask(root / f"labels/sem_seg/masks/{split}/{name}.png", [0, 7, 18, 255])
        save_mask(root / f"labels/sem_seg/colormaps/{split}/{name}.png", [1] * 4)


def draw_earlier_bdd100k(root):
    """The release whose masks are in the folder seg."""
    for split, name in (("train", "a-1"), ("train", "b-2"), ("val", "c-3")):
        save_photo(root / f"seg/images/{split}/{name}.jpg", 4)
        folder = root / f"seg/labels/{split}"
        save_mask(folder / f"{name}_train_id.png", [0, 7, 18, 255])
        save_mask(folder / f"{name}_train_color.png", [99] * 4)


BDD = {
    "train": {"a-1": [0, 7, 18, VOID], "b-2": [0, 7, 18, VOID]},
    "validation": {"c-3": [0, 7, 18, VOID]},
}
UAVID_COLORS = [(0, 0, 0), (128, 0, 0), (128, 64, 128), (192, 0, 192)]
UAVID_COLORS += [(0, 128, 0), (128, 128, 0), (64, 64, 0), (64, 0, 128)]


def draw_uavid(root):
    """Two sequences whose frames have the same names."""
    for part in ("uavid_train/seq1", "uavid_train/seq2", "uavid_val/seq16"):
        save_photo(root / part / "Images/000000.png", 8)
        save_colors(root / part / "Labels/000000.png", UAVID_COLORS)
    save_photo(root / "uavid_test/seq21/Images/000000.png", 8)


UAVID = {
    "train": {f"seq{n}_000000": list(range(8)) for n in (1, 2)},
    "validation": {"seq16_000000": list(range(8))},
}
# Color divided by 64, class in SegNet's merging, and class of the same name.
ORIGINAL = {
    "Animal": ("121", 9, VOID),
    "Archway": ("302", 1, VOID),
    "Bicyclist": ("023", 10, 10),
    "Bridge": ("021", 1, VOID),
    "Building": ("200", 1, 1),
    "Car": ("102", 8, 8),
    "CartLuggagePram": ("103", 9, VOID),
    "Child": ("321", 9, VOID),
    "Column_Pole": ("332", 2, 2),
    "Fence": ("112", 7, 7),
    "LaneMkgsDriv": ("203", 3, VOID),
    "LaneMkgsNonDriv": ("301", 3, VOID),
    "Misc_Text": ("221", 6, VOID),
    "MotorcycleScooter": ("303", 10, VOID),
    "OtherMoving": ("211", 8, VOID),
    "ParkingBlock": ("132", 4, VOID),
    "Pedestrian": ("110", 9, 9),
    "Road": ("212", 3, 3),
    "RoadShoulder": ("223", 4, VOID),
    "Sidewalk": ("003", 4, 4),
    "SignSymbol": ("322", 6, 6),
    "Sky": ("222", 0, 0),
    "SUVPickupTruck": ("123", 8, VOID),
    "TrafficCone": ("001", 2, VOID),
    "TrafficLight": ("011", 6, VOID),
    "Train": ("312", 8, VOID),
    "Tree": ("220", 5, 5),
    "Truck_Bus": ("323", 8, VOID),
    "Tunnel": ("101", 1, VOID),
    "VegetationMisc": ("330", 5, VOID),
    "Wall": ("130", 1, VOID),
}
STILL = [tuple(64 * int(digit) for digit in row[0]) for row in ORIGINAL.values()]
STILL += [(0, 0, 0), (128, 128, 127)]  # Void, and a color that is one off.
STILLS = {
    "train": ("0001TP_008520", "0016E5_08190"),
    "validation": ("0016E5_07959", "0016E5_08159"),
    "test": ("0001TP_008550", "Seq05VD_f00000"),
}


def draw_stills(root):
    """The original files in two flat folders; the last frames of each split."""
    for names in STILLS.values():
        for name in names:
            save_photo(root / f"701_StillsRaw_full/{name}.png", len(STILL))
            save_colors(root / f"LabeledApproved_full/{name}_L.png", STILL)


def stills(row):
    row = [*row, VOID, VOID]
    return {split: dict.fromkeys(names, row) for split, names in STILLS.items()}


def draw_segnet(root):
    for split in ("train", "val", "test"):
        for name in "ab":
            save_photo(root / split / f"{name}.png", 3)
            save_mask(root / f"{split}annot" / f"{name}.png", [0, 10, 11])


SEGNET = {
    split: {"a": [0, 10, VOID], "b": [0, 10, VOID]}
    for split in ("train", "validation", "test")
}
STREETS = (
    Copy("cityscapes", draw_cityscapes, FINE),
    Copy(
        "cityscapes",
        draw_cityscapes,
        {**FINE, "train": COARSE, "train_extra": EXTRA},
        variant="coarse",
    ),
    Copy(
        "cityscapes",
        draw_cityscapes,
        {**FINE, "train_extra": EXTRA},
        variant="fine-and-extra",
    ),
    Copy(
        "cityscapes",
        draw_train_ids,
        {
            "train": {"aachen_0_1": [0, 7, 18, VOID]},
            "validation": {"ulm_0_1": [0, 7, 18, VOID]},
        },
    ),
    Copy("kitti", draw_kitti, KITTI),
    Copy("kitti", draw_kitti, KITTI_MSEG, variant="mseg"),
    Copy("bdd100k", draw_bdd100k, BDD),
    Copy("bdd100k", draw_earlier_bdd100k, BDD),
    Copy("uavid", draw_uavid, UAVID),
    Copy("camvid", draw_segnet, SEGNET),
    Copy(
        "camvid",
        draw_stills,
        stills(range(31)),
        variant="32-classes",
    ),
    Copy(
        "camvid",
        draw_stills,
        stills(merged for _, merged, _ in ORIGINAL.values()),
        variant="merged-11",
    ),
    Copy(
        "camvid",
        draw_stills,
        stills(same for _, _, same in ORIGINAL.values()),
        variant="same-name-11",
    ),
)
STREETS_BAD = (  # The dataset, the files, what is wrong, and the message.
    (
        "cityscapes",
        draw_cityscapes,
        spoil("gtFine/train/bonn/*_labelIds.png", save_mask, [34] * 4),
        "bonn_000001_000019_gtFine_labelIds.png: the mask value 34 is not in",
    ),
    (
        "cityscapes",
        draw_train_ids,
        spoil("gtFine/train/*/*TrainIds.png", save_mask, [19] * 4),
        "aachen_0_1_gtFine_labelTrainIds.png: the mask value 19 is not a train id",
    ),
    (
        "cityscapes",
        draw_cityscapes,
        remove("gtFine/val/ulm/*_labelIds.png"),
        r"gtFine/val has no mask: expected \*_gtFine_labelIds.png .* gtFine_trainvalte",
    ),
    (
        "kitti",
        draw_kitti,
        remove("training/semantic/*"),
        "mask '000001_10' is missing",
    ),
    (
        "bdd100k",
        draw_bdd100k,
        spoil("labels/sem_seg/masks/val/*", save_mask, [26] * 4),
        "c-3.png: the mask value 26 is not in the label map",
    ),
    (
        "uavid",
        draw_uavid,
        spoil("uavid_val/*/Labels/*", save_colors, [(0, 0, 1)] * 8),
        "seq16/Labels/000000.png: the mask value 1 is not in the label map",
    ),
)
