"""Draws two datasets of colored boxes whose classes overlap and differ.

    python experiments/union/draw_toy.py FOLDER

FOLDER/streets labels cars and trucks as vehicle; FOLDER/parks labels persons and riders
as human. FOLDER/streets_full contains the validation images of streets with masks of
all classes.
"""

from __future__ import annotations

import pathlib
import sys

import numpy as np
from PIL import Image

FULL = ("road", "car", "truck", "person", "rider")
COLORS = ((200, 40, 40), (40, 40, 200), (40, 200, 40), (200, 200, 40))
COUNTS = {"train": 40, "val": 10}
# The classes of each dataset, and its label for each class of FULL.
DATASETS = {
    "streets": (("road", "vehicle", "person", "rider"), (0, 1, 1, 2, 3)),
    "parks": (("road", "car", "truck", "human"), (0, 1, 2, 3, 3)),
}


def draw_scene(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Returns an image uint8 [48, 64, 3] with a box of each class, and its mask."""
    image = np.full((48, 64, 3), 120, np.uint8)
    image += rng.integers(0, 20, image.shape).astype(np.uint8)
    mask = np.zeros((48, 64), np.uint8)
    for k, color in enumerate(COLORS, start=1):
        y, x = rng.integers(0, 36), rng.integers(0, 48)
        noise = rng.integers(-20, 20, (12, 14, 3))
        image[y : y + 12, x : x + 14] = np.array(color) + noise
        mask[y : y + 12, x : x + 14] = k
    return image, mask


def save(folder: pathlib.Path, name: str, image: np.ndarray, mask: np.ndarray) -> None:
    """Writes a pair of image and mask to the folders of a split."""
    for part, pixels in (("images", image), ("masks", mask)):
        (folder / part).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / part / f"{name}.png")


def main(root: pathlib.Path) -> None:
    """Writes all folders below `root`."""
    rng = np.random.default_rng(0)
    for name, (classes, labels) in DATASETS.items():
        for split, count in COUNTS.items():
            for number in range(count):
                image, mask = draw_scene(rng)
                own = np.array(labels, np.uint8)[mask]
                save(root / name / split, f"{number}", image, own)
                if name == "streets" and split == "val":
                    save(root / "streets_full" / split, f"{number}", image, mask)
        (root / name / "classes.txt").write_text("\n".join(classes) + "\n")
    (root / "streets_full" / "classes.txt").write_text("\n".join(FULL) + "\n")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
