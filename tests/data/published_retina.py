"""Draws tiny copies of published datasets of retinal photographs, with their labels."""

import gzip
import io

import numpy as np
from PIL import Image

from tests.data.published_files import ROWS, Copy, save_mask, save_photo

VOID = 255


def save_gif(path, row):
    """Writes a GIF of two equal rows of grays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.array([row] * ROWS, np.uint8)).save(path)


def draw_drive(root):
    """Numbers of the splits overlap in neither folder; the view ends before a vessel."""
    for part, names in (("training", ("21", "22")), ("test", ("01", "02"))):
        for name in names:
            save_photo(root / part / f"images/{name}_{part}.tif", 4)
            save_gif(root / part / f"1st_manual/{name}_manual1.gif", [0, 255, 0, 255])
            save_gif(root / part / f"mask/{name}_{part}_mask.gif", [255, 255, 255, 0])
            if part == "test":
                manual = root / "test/2nd_manual" / f"{name}_manual2.gif"
                save_gif(manual, [255, 255, 0, 0])


def draw_newer_drive(root):
    """The files that the page offers today, in which test has no masks."""
    draw_drive(root)
    for path in sorted((root / "test/1st_manual").iterdir()):
        path.unlink()
    (root / "test/1st_manual").rmdir()


def halves(train, validation, one, other=None):
    other = one if other is None else other
    return {
        "train": dict.fromkeys(train, one),
        "validation": dict.fromkeys(validation, other),
    }


DRIVE = halves(("21", "22"), ("01", "02"), [0, 1, 0, VOID])
CHASE = ("01L", "10R", "11L", "14R")


def draw_chase_db1(root):
    """Masks of one bit; one photograph has the suffix in upper case."""
    for name in CHASE:
        end = "JPG" if name == "10R" else "jpg"
        save_photo(root / f"Image_{name}.{end}", 3)
        for number, row in (("1st", [0, 1, 1]), ("2nd", [1, 0, 1])):
            mask = Image.fromarray(np.array([row] * ROWS, bool))
            mask.save(root / f"Image_{name}_{number}HO.png")
    (root / "._Image_01L.jpg").write_bytes(b"no image")


STARE = ("im0001", "im0139", "im0162", "im0324")


def save_ppm(path, row):
    """Writes a PPM, compressed by gzip if the name says so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = io.BytesIO()
    pixels = np.array([row] * ROWS, np.uint8)
    Image.fromarray(pixels).convert("RGB").save(data, "PPM")
    compressed = path.suffix == ".gz"
    path.write_bytes(gzip.compress(data.getvalue()) if compressed else data.getvalue())


def draw_stare(root, end=".ppm.gz"):
    """Masks with grays near black and white; one photograph has no mask."""
    for name in STARE:
        save_ppm(root / f"stare-images/{name}{end}", [90, 90, 90, 90])
        save_ppm(root / f"labels-ah/{name}.ah{end}", [3, 127, 128, 250])
        save_ppm(root / f"labels-vk/{name}.vk{end}", [255, 255, 0, 0])
    save_ppm(root / f"stare-images/im0400{end}", [90, 90, 90, 90])


def draw_decompressed_stare(root):
    draw_stare(root, ".ppm")


HRF = ("01_dr", "05_g", "06_dr", "15_h")


def draw_hrf(root):
    """Suffixes in upper case for one group; the views are colored TIFF files."""
    for name in HRF:
        save_photo(root / f"images/{name}.{'JPG' if 'dr' in name else 'jpg'}", 4)
        save_mask(root / f"manual1/{name}.tif", [0, 255, 255, 0])
        save_ppm(root / "mask/view.ppm", [255, 254, 1, 0])
        Image.open(root / "mask/view.ppm").save(root / f"mask/{name}_mask.tif")
    (root / "mask/view.ppm").unlink()


RETINA = (
    Copy("drive", draw_drive, DRIVE),
    Copy(
        "drive",
        draw_drive,
        halves(("21", "22"), ("01", "02"), [0, 1, 0, 1], [1, 1, 0, 0]),
        variant="second-annotator everywhere",
    ),
    Copy("drive", draw_newer_drive, {"train": DRIVE["train"]}),
    Copy("chase_db1", draw_chase_db1, halves(CHASE[:2], CHASE[2:], [0, 1, 1])),
    Copy(
        "chase_db1",
        draw_chase_db1,
        halves(CHASE[2:], CHASE[:2], [1, 0, 1]),
        variant="last-8 second-annotator",
    ),
    Copy("stare", draw_stare, halves(STARE[:2], STARE[2:], [0, 0, 1, 1])),
    Copy(
        "stare",
        draw_decompressed_stare,
        halves(STARE[:2], STARE[2:], [1, 1, 0, 0]),
        variant="vk",
    ),
    Copy("hrf", draw_hrf, halves(HRF[:2], HRF[2:], [0, 1, VOID, VOID])),
    Copy(
        "hrf",
        draw_hrf,
        halves(HRF[:2], HRF[2:], [0, 1, 1, 0]),
        variant="everywhere",
    ),
)
RETINA_BAD = (
    (
        "drive",
        draw_drive,
        lambda r: (r / "test/mask/02_test_mask.gif").unlink(),
        "The field of view of '02' is missing: .* everywhere",
    ),
    (
        "drive",
        draw_drive,
        lambda r: save_gif(r / "test/mask/02_test_mask.gif", [255] * 5),
        "02_test_mask.gif is 2x5: expected the size 2x4",
    ),
    (
        "chase_db1",
        draw_chase_db1,
        lambda r: save_mask(r / "Image_14R_1stHO.png", [0, 1, 1]),
        "14R_1stHO.png: the largest mask value 1 is invalid: expected white",
    ),
    (
        "stare",
        draw_stare,
        lambda r: save_ppm(r / "labels-ah/im0001.ah.ppm", [0, 0, 0, 0]),
        "both belong to example 'im0001'",
    ),
    (
        "stare",
        draw_stare,
        lambda r: (r / "labels-ah/im0001.ah.ppm.gz").write_bytes(b"P6 4 2 255 x"),
        "im0001.ah.ppm.gz: The file is damaged",
    ),
    (
        "hrf",
        draw_hrf,
        lambda r: (r / "manual1/15_h.tif").unlink(),
        "split 'validation': mask '15_h' is missing",
    ),
)
