"""Scenes whose pixels say where they come from."""

import numpy as np

from jaxseg.data.augment.entry import Frame, Scene

NAMES = tuple("abcdefgh")


def frame(channels=3, *, low=0.0, high=255.0):
    fill = tuple(low + 0.5 * (high - low) for _ in range(channels))
    return Frame(NAMES, void=255, fill=fill, low=low, high=high)


def coordinate_scene(size):
    """Float pixels that are their row, their column and 1, with labels that number them.

    Labels are uint16, so that every pixel has its own; the value of the third channel
    is 0 where the image is filled from outside."""
    rows, columns = np.indices(size)
    image = np.stack([rows, columns, np.ones(size)], -1).astype(np.float32)
    label = (rows * size[1] + columns).astype(np.uint16)
    frame = Frame(NAMES, void=65535, fill=(0.0, 0.0, 0.0), low=0.0, high=1.0)
    return Scene(image, label, frame)


def photo(size=(40, 56), channels=3, seed=0):
    """A smooth uint8 picture with classes in blocks."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(0, 255, (size[0] // 8, size[1] // 8, channels))
    image = np.kron(coarse, np.ones((8, 8, 1)))
    image = (image + np.roll(image, 3, 0) + np.roll(image, 3, 1)) / 3
    image = image + rng.normal(0, 4, image.shape)
    label = np.kron(rng.integers(0, 8, (size[0] // 8, size[1] // 8)), np.ones((8, 8)))
    image = np.clip(image, 0, 255).astype(np.uint8)
    return Scene(image, label.astype(np.uint8), frame(channels))
