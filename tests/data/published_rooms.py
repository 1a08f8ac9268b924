"""Draws tiny copies of published datasets of rooms, with their labels."""

import numpy as np
import pytest
from PIL import Image

from tests.data.published_files import ROWS, Copy, save_mask, save_photo

VOID = 255
# The classes 1 to 13 of the 40 classes, as class13Mapping.mat lists them.
THIRTEEN = [12, 5, 6, 1, 4, 9, 10, 12, 13, 6, 8, 6, 13, 10, 6, 13, 6, 7, 7, 5]
THIRTEEN += [7, 3, 2, 6, 11, 7, 7, 7, 7, 7, 7, 6, 7, 7, 7, 7, 7, 7, 6, 7]
FORTY_ROW = [VOID, *range(40)]
MERGED_ROW = [VOID, *(k - 1 for k in THIRTEEN)]


def draw_frames(root):
    """The folders of images, with masks of all classes and others."""
    for split, name in (("train", "0003"), ("train", "0004"), ("test", "0001")):
        save_photo(root / split / f"rgb/{name}.png", 41)
        save_mask(root / split / f"labels_40/{name}.png", range(41))
        save_mask(root / split / f"labels_13/{name}.png", [0] * 41)


FRAMES = {"train": ("0003", "0004"), "validation": ("0001",)}


def rows(names, row):
    return {split: dict.fromkeys(members, row) for split, members in names.items()}


def draw_arrays(root, highest=4):
    """The MATLAB files, whose arrays are transposed and whose numbers start at 1."""
    h5py = pytest.importorskip("h5py")
    import scipy.io

    root.mkdir(parents=True, exist_ok=True)
    labels = np.array([[0, 1, 2, 3]] * ROWS, np.uint16)
    labels[:, 3] = highest
    with h5py.File(root / "nyu_depth_v2_labeled.mat", "w") as file:
        pixels = np.arange(4)[:, None, None, None] + np.zeros((4, 3, 4, ROWS))
        file["images"] = pixels.astype(np.uint8)
        file["labels"] = np.stack([np.roll(labels, n, 1).T for n in range(4)])
    splits = {"trainNdxs": np.array([[1], [4]]), "testNdxs": np.array([[2]])}
    scipy.io.savemat(root / "splits.mat", splits)
    mapping = np.array([[40, 40, 3, 22]], np.uint8)
    scipy.io.savemat(root / "classMapping40.mat", {"mapClass": mapping})


ARRAYS = {
    "train": {"0001": [VOID, 39, 39, 21], "0004": [39, 39, 21, VOID]},
    "validation": {"0002": [21, VOID, 39, 39]},
}


def draw_sunrgbd(root):
    """Masks that are named by numbers of other lengths, with void and all classes."""
    for split, number in (("train", 1), ("train", 2), ("test", 1), ("test", 5050)):
        save_photo(root / f"image/{split}/img-{number:06}.jpg", 38)
        end = f"{number:08}" if split == "train" else f"img-{number:06}"
        save_mask(root / f"label37/{split}/{end}.png", range(38))


SUN = {"train": ("000001", "000002"), "validation": ("000001", "005050")}


def varint(value):
    low, high = value & 127, value >> 7
    return bytes([low | 128]) + varint(high) if high else bytes([low])


def field(number, value):
    if isinstance(value, int):
        return varint(8 * number) + varint(value)
    return varint(8 * number + 2) + varint(len(value)) + value


def trajectory(place, frames, instances):
    """Returns the message of a trajectory, with fields that are not read."""
    message = field(1, field(1, 2) + field(2, b"room"))
    for instance, name, kind in instances:
        entry = field(1, instance) + field(2, name) + field(4, kind)
        light = bytes([8 * 2 + 5]) + b"\0\0\x80?"  # A number of 32 bits.
        message += field(2, entry + field(6, light))
    for frame in frames:
        message += field(3, field(1, frame) + field(2, b""))
    return field(1, message + field(4, place))


INSTANCES = ((0, b"", 1), (1, b"04593077", 4), (300, b"02920259", 2))
SCRIPT = """import scenenet_pb2
raise SystemExit("the script is not to be run")
NYU_WNID_TO_CLASS = {'04593077': 4, '02920259': 1}
"""


def draw_scenenet(root, instances=INSTANCES):
    """One trajectory for each split, with instances of more than 8 bits."""
    for part, file in (("val", "val"), ("train", "train_0")):
        folder = root / part / "0/223"
        for frame in (0, 7475):
            save_photo(folder / f"photo/{frame}.jpg", 4)
            (folder / "instance").mkdir(exist_ok=True)
            mask = np.array([[0, 1, 300, 300]] * ROWS, np.uint16)
            Image.fromarray(mask).save(folder / f"instance/{frame}.png")
        data = trajectory(b"0/223", (0, 7475), instances)
        (root / f"scenenet_rgbd_{file}.pb").write_bytes(data)
    (root / "convert_instance2class.py").write_text(SCRIPT)


SCENES = dict.fromkeys(("train", "validation"), ("0_223_0", "0_223_7475"))
ROOMS = (
    Copy("nyuv2", draw_frames, rows(FRAMES, FORTY_ROW)),
    Copy("nyuv2", draw_frames, rows(FRAMES, MERGED_ROW), variant="13-classes"),
    Copy("nyuv2", draw_arrays, ARRAYS),
    Copy("sunrgbd37", draw_sunrgbd, rows(SUN, [VOID, *range(37)])),
    Copy("scenenet", draw_scenenet, rows(SCENES, [VOID, 3, 0, 0])),
)


def unlink(name):
    return lambda root: (root / name).unlink()


ROOMS_BAD = (
    (
        "nyuv2",
        draw_frames,
        lambda r: save_mask(r / "test/labels_40/0001.png", [41] * 41),
        "0001.png: the mask value 41 is not in the label map",
    ),
    ("nyuv2", draw_arrays, unlink("splits.mat"), "splits.mat is missing: expected"),
    (
        "nyuv2",
        draw_arrays,
        lambda r: draw_arrays(r, 5),
        "labeled.mat, page 1: the object label 5 is not in .*classMapping40.mat",
    ),
    (
        "nyuv2",
        draw_arrays,
        draw_frames,
        "contains both nyu_depth_v2_labeled.mat and the folder train",
    ),
    (
        "sunrgbd37",
        draw_sunrgbd,
        lambda r: save_mask(r / "label37/test/5050.png", [0] * 38),
        "img-005050.png is invalid: expected a different number",
    ),
    (
        "scenenet",
        draw_scenenet,
        lambda r: draw_scenenet(r, INSTANCES[:2]),
        "0.png: the instance 300 is not in scenenet_rgbd_train_0.pb",
    ),
    (
        "scenenet",
        draw_scenenet,
        lambda r: draw_scenenet(r, (*INSTANCES, (9, b"1", 4))),
        "scenenet_rgbd_train_0.pb: the class '1' is not in NYU_WNID_TO_CLASS",
    ),
    (
        "scenenet",
        draw_scenenet,
        lambda r: (r / "scenenet_rgbd_val.pb").write_bytes(b"\x0a\x7fcut"),
        r"scenenet_rgbd_val.pb cannot be read \(the content of field 1 is longer than the message\)",
    ),
    (
        "scenenet",
        draw_scenenet,
        unlink("val/0/223/instance/7475.png"),
        "mask '0_223_7475' is missing",
    ),
)
