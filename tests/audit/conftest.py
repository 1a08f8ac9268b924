"""Draws a small clean folder of images and masks, into which faults are planted."""

import numpy as np
import pytest
from PIL import Image

SIZE = (48, 64)  # height and width in pixels
CLASSES = ("ground", "cell", "vessel")


def photo(seed, size=SIZE):
    """A smooth image, uint8 [H, W, 3], which differs from that of any other seed."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    return np.asarray(Image.fromarray(coarse).resize(size[::-1], Image.BICUBIC))


def blocks(seed, size=SIZE):
    """A mask of all three classes and void, uint8 [H, W]."""
    mask = np.zeros(size, np.uint8)
    rng = np.random.default_rng(seed)
    for label in (1, 2, 255):
        row, column = rng.integers(0, size[0] - 8), rng.integers(0, size[1] - 8)
        mask[row : row + 8, column : column + 8] = label
    mask[0, :3] = 1, 2, 255
    return mask


def save(root, name, image=None, mask=None, *, end=".png"):
    """Writes a pair, or one file of it, below root/images and root/masks."""
    for part, pixels, suffix in (("images", image, end), ("masks", mask, ".png")):
        (root / part).mkdir(parents=True, exist_ok=True)
        if pixels is not None:
            Image.fromarray(pixels).save(root / part / f"{name}{suffix}")


@pytest.fixture
def clean(tmp_path):
    """A folder of four training and two validation pairs without any fault."""
    root = tmp_path / "raw"
    for seed, name in enumerate("abcdef"):
        split = "train" if name in "abcd" else "val"
        save(root / split, name, photo(seed), blocks(seed))
    (root / "classes.txt").write_text("\n".join(CLASSES))
    return root
