"""Draws scenes in which a tiny speck somewhere near an object decides its class.

All objects look alike. Near each object, in any direction and at any of a range of
distances, there is one speck of 1 to 3 pixels of one of two colors, and this color is
the class of the object. A convolution with holes in its receptive field does not see
all of the specks.
"""

from __future__ import annotations

import numpy as np

OBJECT, SPECK = (40, 90, 220), {1: (220, 60, 50), 2: (60, 200, 70)}
HALF = 2  # Objects are squares of 2 * HALF + 1 pixels.
SIZES = (1, 2, 3)  # Specks are squares of so many pixels.
NEAREST, FARTHEST = 5, 9  # The distance from the center of an object to its speck.
CLEAR = 17  # No other speck is nearer to the center of an object.
TRIES = 40  # A crowded image may get fewer objects, but drawing always ends.


def draw_specks(
    rng: np.random.Generator,
    size: tuple[int, int],
    sizes: tuple[int, ...] = SIZES,
    *,
    objects: int = 4,
    others: int = 3,
) -> tuple[np.ndarray, np.ndarray]:
    """Draws one scene and its label.

    A distance is the larger one of the distances along rows and along columns. The
    speck of an object is at a distance of 5 to 9 pixels from the center of the object.
    Every other speck is at a distance of at least 17 pixels.

    Args:
      rng: The random number generator.
      size: The (H, W) in pixels.
      sizes: The sides of specks in pixels, from which that of each speck is chosen.
      objects: The largest number of objects. Objects without space are left out.
      others: The largest number of specks that decide nothing.

    Returns:
      An image uint8 [H, W, 3], and a label uint8 [H, W] that is 0 on the ground and on
      specks, and 1 or 2 on objects.
    """
    image = rng.normal(128, 12, (*size, 3))
    label = np.zeros(size, np.uint8)
    centers: list[np.ndarray] = []
    specks: list[np.ndarray] = []
    for _ in range(objects):
        found = _pair(rng, size, centers, specks)
        if found is None:
            continue
        center, speck = found
        kind = int(rng.integers(1, 3))
        centers.append(center)
        specks.append(speck)
        object_pixels = _square(center, 2 * HALF + 1)
        image[object_pixels], label[object_pixels] = OBJECT, kind
        image[_square(speck, int(rng.choice(sizes)))] = SPECK[kind]
    for _ in range(others):
        speck = _inside(rng, size)
        if _apart(speck, centers, CLEAR) and _apart(speck, specks, max(SIZES)):
            specks.append(speck)
            kind = int(rng.integers(1, 3))
            image[_square(speck, int(rng.choice(sizes)))] = SPECK[kind]
    image += rng.normal(0, 6, image.shape)
    return np.clip(image + 0.5, 0, 255).astype(np.uint8), label


def _square(center: np.ndarray, side: int) -> tuple[slice, slice]:
    first = center - (side - 1) // 2
    rows, columns = (slice(start, start + side) for start in first.tolist())
    return rows, columns


def _inside(rng, size) -> np.ndarray:
    return rng.integers(HALF, np.array(size) - HALF)


def _apart(center, others, distance) -> bool:
    return all(np.abs(center - other).max() >= distance for other in others)


def _pair(rng, size, centers, specks):
    """Returns the centers of an object and of its speck, or None without space."""
    for _ in range(TRIES):
        center = _inside(rng, size)
        offset = rng.integers(-FARTHEST, FARTHEST + 1, 2)
        speck = center + offset
        if (
            np.abs(offset).max() >= NEAREST
            and (speck >= HALF).all()
            and (speck < np.array(size) - HALF).all()
            and _apart(center, centers, 2 * HALF + 2)
            and _apart(center, specks, CLEAR)
            and _apart(speck, centers, CLEAR)
        ):
            return center, speck
    return None
