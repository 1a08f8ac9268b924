"""Draws two datasets of street scenes whose classes overlap and differ.

    python experiments/union/draw.py FOLDER

The objects are those of the dataset `shapes`, under names of streets. FOLDER/streets
labels cars and trucks as vehicle; FOLDER/parks labels persons and riders as human.
FOLDER/streets_full contains the validation images of streets, and FOLDER/full all
images of both, with masks of all classes.
"""

from __future__ import annotations

import pathlib
import sys

import numpy as np
from PIL import Image

from jaxseg.data.drawings.shapes import draw_scene

SIZE = (64, 96)
COUNTS = {"train": 200, "val": 60}
FULL = ("road", "person", "car", "truck", "rider", "pole", "wire")
COARSE = {
    "streets": ("road", "person", "vehicle", "rider", "pole", "wire"),
    "parks": ("road", "human", "car", "truck", "pole", "wire"),
}
MERGED = {
    "streets": {"car": "vehicle", "truck": "vehicle"},
    "parks": {"person": "human", "rider": "human"},
}
SEEDS = {"streets": 1, "parks": 2}


def relabeled(label: np.ndarray, name: str) -> np.ndarray:
    """Returns a mask of all classes in the classes of one dataset."""
    table = np.full(256, 255, np.uint8)
    for k, full in enumerate(FULL):
        table[k] = COARSE[name].index(MERGED[name].get(full, full))
    return table[label]


def save(folder: pathlib.Path, name: str, image: np.ndarray, mask: np.ndarray) -> None:
    """Writes a pair of image and mask to the folders of a split."""
    for part, pixels in (("images", image), ("masks", mask)):
        (folder / part).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / part / f"{name}.png")


def main(root: pathlib.Path) -> None:
    """Writes all folders below `root`."""
    for name, seed in SEEDS.items():
        for place, (split, count) in enumerate(COUNTS.items()):
            for number in range(count):
                rng = np.random.default_rng((seed, place, number))
                image, label = draw_scene(rng, SIZE)
                title = f"{name}{number:03d}"
                save(root / name / split, title, image, relabeled(label, name))
                save(root / "full" / split, title, image, label)
                if name == "streets" and split == "val":
                    save(root / "streets_full" / split, title, image, label)
    for name, classes in {**COARSE, "full": FULL, "streets_full": FULL}.items():
        (root / name / "classes.txt").write_text("\n".join(classes) + "\n")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
