"""Draws scenes in which a distant mark decides the class of each object.

All objects look alike. At a fixed distance above, below, left or right of each object
there is a mark of one of two colors, and this color is the class of the object. Marks
of random colors at other distances decide nothing.
"""

from __future__ import annotations

import numpy as np

OBJECT, MARK = (40, 90, 220), {1: (220, 60, 50), 2: (60, 200, 70)}
HALF = 2  # Objects and marks are squares of 2 * HALF + 1 pixels.
DIRECTIONS = ((-1, 0), (1, 0), (0, -1), (0, 1))
APART = 2 * HALF + 2  # The smallest distance of the centers of two squares.
TRIES = 40  # A crowded image may get fewer objects, but drawing always ends.


def draw_marks(
    rng: np.random.Generator,
    size: tuple[int, int],
    distance: int,
    *,
    objects: int = 4,
    others: int = 3,
) -> tuple[np.ndarray, np.ndarray]:
    """Draws one scene and its label.

    Args:
      rng: The random number generator.
      size: The (H, W) in pixels.
      distance: The distance in pixels from the center of an object to the center of the
        mark that decides its class.
      objects: The largest number of objects. Objects without space are left out.
      others: The largest number of marks that decide nothing.

    Returns:
      An image uint8 [H, W, 3], and a label uint8 [H, W] that is 0 on the ground and on
      marks, and 1 or 2 on objects.
    """
    image = rng.normal(128, 12, (*size, 3))
    label = np.zeros(size, np.uint8)
    taken: list[tuple[int, int]] = []
    placed: list[tuple[int, int]] = []
    for _ in range(objects):
        found = _pair(rng, size, distance, taken)
        if found is None:
            continue
        center, mark = found
        kind = int(rng.integers(1, 3))
        taken += [center, mark]
        placed.append(center)
        image[_square(center)] = OBJECT
        image[_square(mark)] = MARK[kind]
        label[_square(center)] = kind
    for _ in range(others):
        spot = _free(rng, size, distance, taken, placed)
        if spot is not None:
            taken.append(spot)
            image[_square(spot)] = MARK[int(rng.integers(1, 3))]
    image += rng.normal(0, 6, image.shape)
    return np.clip(image + 0.5, 0, 255).astype(np.uint8), label


def _square(center: tuple[int, int]) -> tuple[slice, slice]:
    rows, columns = (slice(c - HALF, c + HALF + 1) for c in center)
    return rows, columns


def _inside(center, size) -> bool:
    ends = zip(center, size, strict=True)
    return all(HALF <= c < side - HALF for c, side in ends)


def _is_clear(center, taken) -> bool:
    return all(
        max(abs(center[0] - row), abs(center[1] - column)) >= APART
        for row, column in taken
    )


def _decides(center, mark, distance) -> bool:
    """Returns whether a mark touches the places that decide the class of an object."""
    down, right = mark[0] - center[0], mark[1] - center[1]
    return any(
        max(abs(down - distance * y), abs(right - distance * x)) < APART
        for y, x in DIRECTIONS
    )


def _pair(rng, size, distance, taken):
    """Returns the centers of an object and of its mark, or None without space."""
    for _ in range(TRIES):
        center = tuple(int(rng.integers(HALF, side - HALF)) for side in size)
        y, x = DIRECTIONS[int(rng.integers(4))]
        mark = (center[0] + y * distance, center[1] + x * distance)
        if not (_inside(mark, size) and _is_clear(center, taken)):
            continue
        objects, marks = taken[::2], taken[1::2]
        if (
            _is_clear(mark, [*taken, center])
            and not any(_decides(other, mark, distance) for other in objects)
            and not any(_decides(center, other, distance) for other in marks)
        ):
            return center, mark
    return None


def _free(rng, size, distance, taken, placed):
    """Returns the center of a mark that decides nothing, or None without space."""
    for _ in range(TRIES):
        spot = tuple(int(rng.integers(HALF, side - HALF)) for side in size)
        if _is_clear(spot, taken) and not any(
            _decides(center, spot, distance) for center in placed
        ):
            return spot
    return None
