"""Makes the pictures that the measurements read, as a folder dataset."""

from __future__ import annotations

import pathlib

import numpy as np
from PIL import Image

CLASSES = 19
SIZE = (1024, 2048)
FRAMES = (3, 5)  # The rows and columns of a mosaic of CamVid frames.


def mosaics(camvid: pathlib.Path, count: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Joins CamVid frames of 360 x 480 pixels to pictures of 1024 x 2048.

    The frames are not resized, so that the noise and the edges are those of a camera.

    Args:
      camvid: The folder with train and trainannot.
      count: The number of pictures.
    """
    frames = sorted((camvid / "train").glob("*.png"))
    rows, columns = FRAMES
    chosen = frames[:: len(frames) // (count * rows * columns)]
    found = []
    for number in range(count):
        members = chosen[number * rows * columns : (number + 1) * rows * columns]
        masks = [camvid / "trainannot" / path.name for path in members]
        image, label = (
            np.concatenate(
                [
                    np.concatenate(
                        [
                            _read(path, mode)
                            for path in paths[k :: len(members) // columns]
                        ],
                        axis=1,
                    )
                    for k in range(rows)
                ]
            )[: SIZE[0], : SIZE[1]]
            for paths, mode in ((members, "RGB"), (masks, "L"))
        )
        found.append((image, np.where(label == 11, 255, label).astype(np.uint8)))
    return found


def _read(path: pathlib.Path, mode: str) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert(mode))


def drawn(count: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Draws smooth colors with noise, and labels with straight and ragged borders.

    As PNG they have the size of the files of Cityscapes.
    """
    found = []
    for seed in range(count):
        rng = np.random.default_rng(seed)
        small = rng.integers(0, 256, (SIZE[0] // 32, SIZE[1] // 32, 3), np.uint8)
        smooth = Image.fromarray(small).resize(SIZE[::-1], Image.Resampling.BICUBIC)
        noise = rng.normal(0, 0.45, (*SIZE, 3)).round()
        image = np.clip(np.asarray(smooth) + noise, 0, 255).astype(np.uint8)
        cells = rng.integers(0, CLASSES, (SIZE[0] // 60 + 1, SIZE[1] // 60 + 1))
        shift = rng.integers(-3, 4, SIZE[1]).cumsum() // 4
        row = (np.arange(SIZE[0])[:, None] + shift) // 60 % cells.shape[0]
        label = cells[row, np.arange(SIZE[1]) // 60].astype(np.uint8)
        found.append((image, label))
    return found


def write_folder(
    root: pathlib.Path, pictures: list[tuple[np.ndarray, np.ndarray]], ending: str
) -> None:
    """Writes pictures in the layout of the dataset "folder".

    Args:
      root: The folder to create.
      pictures: The images and labels.
      ending: ".png" or ".jpg", the format of the images. JPEG has quality 95.
    """
    for split, chosen in (("train", pictures), ("val", pictures[:1])):
        for number, (image, label) in enumerate(chosen):
            for kind, pixels, end in (
                ("images", image, ending),
                ("masks", label, ".png"),
            ):
                path = root / split / kind / f"{number}{end}"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels).save(path, quality=95)
    (root / "classes.txt").write_text("".join(f"c{k}\n" for k in range(CLASSES)))
