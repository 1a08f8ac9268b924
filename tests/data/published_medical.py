"""Draws tiny copies of volumes, of crops with four raters, and of streets at night."""

import numpy as np
from PIL import Image

from tests.data.published_files import ROWS, Copy, save_mask, save_photo

VOID = 255
SLICES = 6


def save_stack(path, rows):
    """Writes a TIFF stack whose pages have two equal rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    first, *others = (Image.fromarray(np.array([row] * ROWS, np.uint8)) for row in rows)
    first.save(path, save_all=True, append_images=others)


def draw_stack(root, masks=SLICES):
    """The slice n has a membrane of n + 1 pixels; the test volume is not read."""
    save_stack(root / "train-volume.tif", [[10 * n] * 7 for n in range(SLICES)])
    rows = [[0] * (n + 1) + [255] * (6 - n) for n in range(masks)]
    save_stack(root / "train-labels.tif", rows)
    save_stack(root / "test-volume.tif", [[7] * 7] * 2)


def draw_slices(root):
    """The same slices as files, whose names do not sort by number."""
    for n in range(SLICES):
        save_photo(root / f"image/{n}.png", 7)
        save_mask(root / f"label/{n}.png", [0] * (n + 1) + [255] * (6 - n))


def slices():
    rows = {str(n): [0] * (n + 1) + [1] * (6 - n) for n in range(SLICES)}
    last = str(SLICES - 1)
    return {
        "train": {k: rows[k] for k in rows if k != last},
        "validation": {last: rows[last]},
    }


def draw_lidc(root, place="{}"):
    """Two crops of one patient; the raters disagree, and one sees nothing."""
    for part in ("train", "val", "test"):
        folder = root / place.format(part)
        for name in ("z-105.0_c0", "z-12.5_c1"):
            save_photo(folder / f"images/LIDC-IDRI-0001/{name}.png", 3)
            for rater, row in enumerate(LESIONS):
                path = folder / f"gt/LIDC-IDRI-0001/{name}_l{rater}.png"
                save_mask(path, [255 * k for k in row])


LESIONS = ([0, 1, 1], [0, 0, 0], [1, 1, 1], [0, 1, 0])
LIDC = {
    split: {
        f"LIDC-IDRI-0001_{name}_r{rater}": row
        for name in ("z-105.0_c0", "z-12.5_c1")
        for rater, row in enumerate(LESIONS)
    }
    for split in ("train", "validation", "test")
}


def draw_unpacked_lidc(root):
    """The folders of the three archives."""
    draw_lidc(root, "lidc_crops_{0}/{0}")


def draw_dark_zurich(root):
    """Masks of label ids that must not be read, and a reference image of the day."""
    for place, name in (("GOPR0356", "a_frame_1"), ("GP010376", "b_frame_2")):
        save_photo(root / f"rgb_anon/val/night/{place}/{name}_rgb_anon.png", 4)
        for end, row in (("TrainIds", [0, 18, 255, 2]), ("Ids", [7, 33, 0, 11])):
            save_mask(root / f"gt/val/night/{place}/{name}_gt_label{end}.png", row)
        save_mask(root / f"gt/val/night/{place}/{name}_gt_invGray.png", [0] * 4)
    save_photo(root / "rgb_anon/val_ref/day/GOPR1/c_ref_rgb_anon.png", 4)


def draw_nighttime_driving(root):
    masks = root / "gtCoarse_daytime_trainvaltest/test/night"
    for name in ("0_a", "0_b"):
        save_photo(root / f"leftImg8bit/test/night/{name}_leftImg8bit.png", 3)
        save_mask(masks / f"{name}_gtCoarse_labelTrainIds.png", [255, 0, 18])
        save_mask(masks / f"{name}_gtCoarse_labelIds.png", [0, 7, 33])


ZURICH_ROW, NIGHT_ROW = [0, 18, VOID, 2], [VOID, 0, 18]
ZURICH = {"validation": {"a_frame_1": ZURICH_ROW, "b_frame_2": ZURICH_ROW}}
NIGHT = {"validation": {"0_a": NIGHT_ROW, "0_b": NIGHT_ROW}}
MEDICAL = (
    Copy("isbi", draw_stack, slices()),
    Copy("isbi", draw_slices, slices()),
    Copy("lidc", draw_lidc, LIDC),
    Copy("lidc", draw_unpacked_lidc, LIDC),
    Copy("dark_zurich", draw_dark_zurich, ZURICH),
    Copy("nighttime_driving", draw_nighttime_driving, NIGHT),
)
MEDICAL_BAD = (
    (
        "isbi",
        draw_stack,
        lambda r: draw_stack(r, masks=5),
        "train-volume.tif has 6 slices and train-labels.tif has 5",
    ),
    (
        "isbi",
        draw_stack,
        lambda r: draw_slices(r),
        "contains both train-volume.tif and the folder image",
    ),
    (
        "isbi",
        draw_stack,
        lambda r: save_stack(r / "train-labels.tif", [[0, 255] * 3] * 5 + [[0, 1] * 3]),
        "train-labels.tif, page 6: the mask value 1 is not in the label map",
    ),
    (
        "lidc",
        draw_lidc,
        lambda r: (r / "data_lidc.pickle").write_bytes(b"cos\nsystem\n"),
        "data_lidc.pickle is a pickle file, and reading a pickle file can run",
    ),
    (
        "lidc",
        draw_lidc,
        lambda r: (r / "val/gt/LIDC-IDRI-0001/z-12.5_c1_l3.png").unlink(),
        "mask 'LIDC-IDRI-0001_z-12.5_c1_r3' is missing",
    ),
    (
        "dark_zurich",
        draw_dark_zurich,
        lambda r: save_mask(
            next(r.glob("gt/val/night/GOPR0356/*TrainIds.png")), [33] * 4
        ),
        "a_frame_1_gt_labelTrainIds.png: the mask value 33 is not in the label map",
    ),
)
