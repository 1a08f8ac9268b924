"""Draws tiny copies of published datasets of photographs, with their labels."""

import numpy as np
import pytest
from scipy.io import savemat

from tests.data.published_files import (
    ROWS,
    Copy,
    remove,
    save_colors,
    save_mask,
    save_photo,
    spoil,
)

VOID = 255
# The palette indices 0 to 20 and 255 must be read, and not these colors.
VOC_PALETTE = [(k * 7 % 256, k * 31 % 256, k * 101 % 256) for k in range(256)]


def save_list(path, *lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


def save_matlab(path, row, **changes):
    path.parent.mkdir(parents=True, exist_ok=True)
    array = np.array([row] * ROWS, np.uint16)
    savemat(path, changes or {"S": array})
    return array


def save_matlab_73(path, row):
    """Writes an HDF5 file after the header of MATLAB, with the axes reversed."""
    h5py = pytest.importorskip("h5py")
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w", userblock_size=512) as file:
        file["S"] = np.array([row] * ROWS, np.float64).T
    with open(path, "r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM")


def draw_voc(root):
    """VOC alone; the mask of one image has its void border."""
    devkit = root / "VOCdevkit/VOC2012"
    for name, row in (("2007_1", [0, 20, 255]), ("2007_2", [15, 15, 0])):
        save_photo(devkit / f"JPEGImages/{name}.jpg", 3)
        save_mask(devkit / f"SegmentationClass/{name}.png", row, VOC_PALETTE)
    for name in ("2008_3", "2008_4"):
        save_photo(devkit / f"JPEGImages/{name}.jpg", 3)
    save_list(devkit / "ImageSets/Segmentation/train.txt", "2007_1")
    save_list(devkit / "ImageSets/Segmentation/val.txt", "2007_2")
    save_list(devkit / "ImageSets/Segmentation/trainval.txt", "2007_1", "2007_2")


def draw_sbd(root):
    """SBD has VOC's validation image in its training list, and a training image."""
    draw_voc(root)
    dataset = root / "benchmark_RELEASE/dataset"
    for name in ("2007_1", "2007_2", "2008_3", "2008_4"):
        (dataset / "cls").mkdir(parents=True, exist_ok=True)
        mask = np.array([[1, 2, 0]] * ROWS, np.uint8)
        content = {"Boundaries": np.zeros((20, 1)), "Segmentation": mask}
        savemat(dataset / f"cls/{name}.mat", {"GTcls": content})
    save_list(dataset / "train.txt", "2007_2", "2008_3")
    save_list(dataset / "val.txt", "2007_1", "2008_4")
    save_list(dataset / "seg11valid.txt", "2007_1")


VOC_VAL = {"2007_2": [15, 15, 0]}
VOC_TRAIN = {"2007_1": [0, 20, VOID]}
TRAINAUG = {**VOC_TRAIN, "2008_3": [1, 2, 0], "2008_4": [1, 2, 0]}


def draw_ade20k(root):
    for part, short in (("training", "train"), ("validation", "val")):
        for number in "12":
            name = f"ADE_{short}_0000000{number}"
            save_photo(root / f"ADEChallengeData2016/images/{part}/{name}.jpg", 4)
            masks = root / f"ADEChallengeData2016/annotations/{part}"
            save_mask(masks / f"{name}.png", [0, 1, 2, 150])


ADE = {
    split: {f"ADE_{short}_0000000{n}": [VOID, 0, 1, 149] for n in "12"}
    for split, short in (("train", "train"), ("validation", "val"))
}


def draw_coco(root):
    """Values around the unused ones, and a file that MMSegmentation adds."""
    for split, numbers in (("train2017", (9, 25)), ("val2017", (139, 285))):
        for number in numbers:
            save_photo(root / f"images/{split}/{number:012}.jpg", 7)
            masks = root / f"annotations/{split}"
            save_mask(masks / f"{number:012}.png", [0, 10, 12, 91, 180, 181, 255])
            save_mask(masks / f"{number:012}_labelTrainIds.png", [0] * 7)


COCO_ROW = [0, 10, 11, 80, 169, 170, VOID]
COCO = {
    "train": {f"{n:012}": COCO_ROW for n in (9, 25)},
    "validation": {f"{n:012}": COCO_ROW for n in (139, 285)},
}
COCO_NAMES = ("COCO_train2014_000000000077", "COCO_train2014_000000000081")


def draw_ten_thousand(root, save=save_matlab, row=(1, 11, 13, 92, 181, 182, 0)):
    for split, name in zip(("train", "test"), COCO_NAMES, strict=True):
        save_photo(root / f"images/{name}.jpg", 7)
        save(root / f"annotations/{name}.mat", row)
        save_list(root / f"imageLists/{split}.txt", name)


def draw_first_release(root):
    draw_ten_thousand(root, save_matlab_73, (2, 12, 13, 82, 171, 172, 1))


TEN_THOUSAND = {
    split: {name: COCO_ROW}
    for split, name in zip(("train", "test"), COCO_NAMES, strict=True)
}


def draw_context(root):
    """Aeroplane, an id of no class, nothing, wood and bag."""
    devkit = root / "VOCdevkit/VOC2010"
    row = np.array([[2, 459, 0, 458, 9]] * ROWS, np.uint16)
    for split, name in (("train", "2008_000002"), ("val", "2008_000003")):
        save_photo(devkit / f"JPEGImages/{name}.jpg", 5)
        save_matlab(root / f"trainval/{name}.mat", [], LabelMap=row)
        save_list(devkit / f"ImageSets/Main/{split}.txt", name)
        save_list(devkit / f"ImageSets/Main/cow_{split}.txt", f"{name}  1")


def context(row):
    return {"train": {"2008_000002": row}, "validation": {"2008_000003": row}}


def draw_vistas(root, folder="v1.2/labels", last=65):
    """Palette files whose last index is Unlabeled; a name starts with a hyphen."""
    for split, name in (("training", "-aB_1"), ("validation", "zZ9-0")):
        save_photo(root / f"{split}/images/{name}.jpg", 4)
        row = [0, 13, last - 1, last]
        save_mask(root / f"{split}/{folder}/{name}.png", row, VOC_PALETTE)


def draw_earlier_vistas(root):
    draw_vistas(root, "labels")


def draw_later_vistas(root):
    draw_vistas(root)  # Both releases are in one tree.
    draw_vistas(root, "v2.0/labels", last=123)


def vistas(row):
    return {"train": {"-aB_1": row}, "validation": {"zZ9-0": row}}


PETS = {"trainval": ("Abyssinian_1", "yorkshire_terrier_2"), "test": ("Bombay_10",)}


def draw_pet(root):
    """Lists with four columns; AppleDouble files lie beside the masks."""
    for split, names in PETS.items():
        for name in names:
            save_photo(root / f"images/{name}.jpg", 3)
            save_mask(root / f"annotations/trimaps/{name}.png", [1, 2, 3])
            (root / f"annotations/trimaps/._{name}.png").write_bytes(b"Mac OS X")
        lines = [f"{name} {n} 1 1" for n, name in enumerate(names, 1)]
        save_list(root / f"annotations/{split}.txt", *lines)
    save_list(root / "annotations/list.txt", "#Image CLASS-ID SPECIES BREED ID")


def pets(row):
    return {
        "train": dict.fromkeys(PETS["trainval"], row),
        "test": dict.fromkeys(PETS["test"], row),
    }


BREEDS = {
    "train": {"Abyssinian_1": [1, 0, VOID], "yorkshire_terrier_2": [37, 0, VOID]},
    "test": {"Bombay_10": [8, 0, VOID]},
}
PHOTOS = (
    Copy("voc2012", draw_voc, {"train": VOC_TRAIN, "validation": VOC_VAL}),
    Copy(
        "voc2012",
        draw_sbd,
        {"train": TRAINAUG, "validation": VOC_VAL},
        variant="trainaug",
    ),
    Copy(
        "voc2012",
        draw_sbd,
        {
            "train": {"2007_2": [1, 2, 0], "2008_3": [1, 2, 0]},
            "validation": VOC_TRAIN,
        },
        variant="fcn",
    ),
    Copy("ade20k", draw_ade20k, ADE),
    Copy("coco_stuff", draw_coco, COCO),
    Copy("coco_stuff", draw_ten_thousand, TEN_THOUSAND, variant="10k-v1.1"),
    Copy("coco_stuff", draw_first_release, TEN_THOUSAND, variant="10k-v1.0"),
    Copy("pascal_context", draw_context, context([0, VOID, VOID, 58, 1])),
    Copy(
        "pascal_context",
        draw_context,
        context([1, 0, 0, 59, 2]),
        variant="60-classes",
    ),
    Copy("mapillary", draw_vistas, vistas([0, 13, 64, VOID])),
    Copy("mapillary", draw_earlier_vistas, vistas([0, 13, 64, VOID])),
    Copy("mapillary", draw_later_vistas, vistas([0, 13, 122, VOID]), variant="v2.0"),
    Copy(
        "mapillary",
        draw_later_vistas,
        vistas([0, 13, 122, 123]),
        variant="v2.0-unlabeled",
    ),
    Copy("oxford_pet", draw_pet, pets([0, 1, 2])),
    Copy("oxford_pet", draw_pet, pets([1, 0, VOID]), variant="binary"),
    Copy("oxford_pet", draw_pet, pets([1, 0, 1]), variant="binary-with-border"),
    Copy("oxford_pet", draw_pet, BREEDS, variant="breeds"),
)
PHOTOS_BAD = (  # The dataset and its variant, the files, what is wrong, the message.
    (
        "voc2012",
        draw_voc,
        spoil("VOCdevkit/*/SegmentationClass/2007_2.png", save_colors, [(128, 0, 0)]),
        "2007_2.png: .*index mask is expected",
    ),
    (
        "voc2012 trainaug",
        draw_sbd,
        remove("benchmark_RELEASE/dataset/cls/2008_3.mat"),
        r"mask '2008_3' is missing in .*train.txt, line 2",
    ),
    (
        "ade20k",
        draw_ade20k,
        spoil("*/annotations/validation/*", save_mask, [151] * 4),
        "ADE_val_00000001.png: the mask value 151 is not in the label map",
    ),
    (  # The mask was already reduced to 0 to 149.
        "ade20k",
        draw_ade20k,
        spoil("*/annotations/training/*", save_mask, [255, 0, 1, 149]),
        "ADE_train_00000001.png: the mask value 255 is not in the label map",
    ),
    (
        "coco_stuff",
        draw_coco,
        spoil("annotations/val2017/*", save_mask, [11] * 7),
        "000000000139.png: the mask value 11 is not in the label map",
    ),
    (
        "coco_stuff 10k-v1.1",
        draw_first_release,
        lambda root: None,
        "0077.mat is a MATLAB file of version 7.3: .* that release with --data.variant",
    ),
    (
        "coco_stuff 10k-v1.0",
        draw_ten_thousand,
        lambda root: pytest.importorskip("h5py"),
        "0077.mat cannot be read: expected a MATLAB file of version 7.3 with",
    ),
    (
        "coco_stuff 10k-v1.1",
        draw_ten_thousand,
        spoil("annotations/*77.mat", save_matlab, [12] * 7),
        "0077.mat: the mask value 12 is not in the label map",
    ),
    (
        "pascal_context",
        draw_context,
        spoil("trainval/*", lambda path: path.write_bytes(b"MATLAB 5.0")),
        "2008_000002.mat cannot be read: .* the variable LabelMap",
    ),
    (
        "mapillary",
        draw_vistas,
        spoil("training/v1.2/labels/*", save_mask, [66] * 4),
        "-aB_1.png: the mask value 66 is not in the label map",
    ),
    (
        "oxford_pet breeds",
        draw_pet,
        spoil("annotations/trimaps/B*", save_mask, [0] * 3),
        "Bombay_10.png: the mask value 0 is invalid: expected 1 for the pet",
    ),
)
