"""Generates a furnished room as a cloud of points on its surfaces.

A room is a list of rectangles in space, each with a class and a color. The number of
points on a rectangle is proportional to its area. The colors of all classes are sampled
from one range. A network therefore cannot infer the class of a point from its color
alone, and needs the positions of the neighboring points.
"""

from __future__ import annotations

import colorsys
from typing import NamedTuple

import numpy as np

VOID = 255  # The ignore index of 8-bit labels.
FLOOR, CEILING, WALL, DOOR, BOARD, TABLE, CHAIR, SHELF, LAMP = range(9)
DENSITY = {TABLE: 4.0, CHAIR: 5.0, SHELF: 1.5, DOOR: 1.5, BOARD: 2.0, LAMP: 10.0}
NOISE = 0.005  # In meters.
STRAY = 0.02  # The fraction of points that are in the air.
AIR = 0.03  # The distance of door and board from the wall in meters.


class Patch(NamedTuple):
    """Describes a rectangle in space, which has a class and a color.

    Its points are corner + a * first + b * second, with a and b in [0, 1].

    Attributes:
      corner: A corner [3] in meters.
      first: One side [3] in meters.
      second: The other side [3] in meters.
      kind: The class index of the rectangle.
      color: The RGB color of the rectangle, with values from 0 to 255.
    """

    corner: np.ndarray
    first: np.ndarray
    second: np.ndarray
    kind: int
    color: np.ndarray


def draw_room(
    rng: np.random.Generator, count: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Generates the point cloud of one furnished room.

    Args:
      rng: The random number generator.
      count: The number of points N.

    Returns:
      Positions float32 [N, 3] in meters, colors uint8 [N, 3] and labels uint8 [N]
      (classes 0 to 8, or 255), in random order.
    """
    size = np.array([*rng.uniform(3.0, 5.0, 2), rng.uniform(2.3, 3.0)])
    patches = [*_shell(rng, size), *_on_walls(rng, size), *_furniture(rng, size)]
    parts = [np.stack(part) for part in zip(*patches, strict=True)]
    area = np.linalg.norm(np.cross(parts[1], parts[2]), axis=-1)
    share = area * [DENSITY.get(p.kind, 1.0) for p in patches]
    chosen = rng.choice(len(patches), count, p=share / share.sum())
    corner, first, second, kind, color = (part[chosen] for part in parts)
    along = rng.random((2, count, 1))
    points = corner + along[0] * first + along[1] * second
    points += rng.normal(0, NOISE, points.shape)
    color = color + rng.normal(0, 12, color.shape)
    stray = rng.random(count) < STRAY
    points[stray] = rng.uniform(0, size, (stray.sum(), 3))
    label = np.where(stray, VOID, kind).astype(np.uint8)
    pixels = np.clip(color + 0.5, 0, 255).astype(np.uint8)
    return points.astype(np.float32), pixels, label


def _color(rng) -> np.ndarray:
    hue, saturation, value = rng.random(), rng.uniform(0, 0.5), rng.uniform(0.3, 0.95)
    return 255 * np.array(colorsys.hsv_to_rgb(hue, saturation, value))


def _shell(rng, size):
    """Yields the floor, the ceiling and four walls of one color."""
    x, y, z = np.diag(size)
    nought, wall = np.zeros(3), _color(rng)
    yield Patch(nought, x, y, FLOOR, _color(rng))
    yield Patch(z, x, y, CEILING, _color(rng))
    for corner, along in ((nought, x), (y, x), (nought, y), (x, y)):
        yield Patch(corner, along, z, WALL, wall)


def _on_walls(rng, size):
    """Yields a door and a board on two different walls."""
    sides = rng.permutation(4)[:2]
    yield _on_wall(rng, size, sides[0], DOOR, (rng.uniform(0.8, 1.1), 2.05), 0.0)
    extent = (rng.uniform(1.0, 2.0), rng.uniform(0.7, 1.1))
    yield _on_wall(rng, size, sides[1], BOARD, extent, rng.uniform(0.8, 1.1))


def _on_wall(rng, size, side, kind, extent, height) -> Patch:
    """Returns a rectangle of `extent` = (width, height) in front of wall `side`."""
    axis, far = divmod(int(side), 2)  # The axis across the wall.
    along = np.eye(3)[1 - axis]
    place = rng.uniform(0.2, size[1 - axis] - extent[0] - 0.2)
    across = size[axis] - AIR if far else AIR
    corner = along * place + np.eye(3)[axis] * across + np.array([0, 0, height])
    return Patch(
        corner, along * extent[0], np.array([0, 0, extent[1]]), kind, _color(rng)
    )


def _furniture(rng, size):
    """Yields furniture on the floor at a distance from each other, and a lamp.

    The lamp hangs from the ceiling.
    """
    taken: list[np.ndarray] = []
    plan = [_table, _shelf, _chair, _chair, *rng.choice([_table, _chair, _shelf], 2)]
    for make in plan:
        for _ in range(20):  # A full room gets fewer pieces.
            place = rng.uniform(0.6, size[:2] - 0.6)
            if all(np.linalg.norm(place - other) > 1.1 for other in taken):
                taken.append(place)
                yield from _placed(make(rng, size), place, rng.uniform(0, 2 * np.pi))
                break
    yield from _placed(_lamp(rng, size), rng.uniform(0.8, size[:2] - 0.8), 0.0)


def _placed(patches, place, angle):
    """Yields patches that are rotated about the z axis and then moved."""
    sine, cosine = np.sin(angle), np.cos(angle)
    turn = np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]])
    for corner, first, second, kind, color in patches:
        moved = turn @ corner + np.array([*place, 0])
        yield Patch(moved, turn @ first, turn @ second, kind, color)


def _box(low, high, kind, color):
    """Yields the six sides of an upright box."""
    low, high = np.asarray(low, np.float64), np.asarray(high, np.float64)
    x, y, z = np.diag(high - low)
    for corner, first, second in (
        (low, x, y),
        (low + z, x, y),
        (low, x, z),
        (low + y, x, z),
        (low, y, z),
        (low + x, y, z),
    ):
        yield Patch(corner, first, second, kind, color)


def _legs(half, top, kind, color):
    """Yields four posts of 4 cm at the corners of a plate of half sizes `half`."""
    for x in (-half[0], half[0] - 0.04):
        for y in (-half[1], half[1] - 0.04):
            yield from _box((x, y, 0), (x + 0.04, y + 0.04, top), kind, color)


def _table(rng, size):
    del size
    half, top, color = (
        rng.uniform(0.35, 0.55, 2),
        rng.uniform(0.68, 0.78),
        _color(rng),
    )
    yield from _box((*-half, top - 0.04), (*half, top), TABLE, color)
    yield from _legs(half, top, TABLE, color)


def _chair(rng, size):
    del size
    half, seat = np.full(2, rng.uniform(0.2, 0.25)), rng.uniform(0.42, 0.5)
    color, back = _color(rng), seat + rng.uniform(0.35, 0.5)
    yield from _box((*-half, seat - 0.04), (*half, seat), CHAIR, color)
    yield from _box((*-half, seat), (half[0], -half[1] + 0.04, back), CHAIR, color)
    yield from _legs(half, seat, CHAIR, color)


def _shelf(rng, size):
    """Yields two sides, a back and boards that are 35 cm apart."""
    width, depth = rng.uniform(0.35, 0.55), rng.uniform(0.14, 0.2)
    height = min(rng.uniform(1.4, 2.1), size[2] - 0.1)
    color = _color(rng)
    up, deep = np.array([0, 0, height]), np.array([0, 2 * depth, 0])
    wide = np.array([2 * width, 0, 0])
    corner = np.array([-width, -depth, 0.0])
    yield Patch(corner, wide, up, SHELF, color)
    yield Patch(corner, deep, up, SHELF, color)
    yield Patch(corner + wide, deep, up, SHELF, color)
    for level in np.arange(0.05, height + 1e-9, 0.35):
        yield Patch(corner + np.array([0, 0, level]), wide, deep, SHELF, color)


def _lamp(rng, size):
    """Yields a cable and a shade below the ceiling."""
    drop, half, color = rng.uniform(0.4, 0.7), rng.uniform(0.12, 0.2), _color(rng)
    low = size[2] - drop
    yield from _box((-half, -half, low), (half, half, low + 0.2), LAMP, color)
    yield from _box((-0.01, -0.01, low + 0.2), (0.01, 0.01, size[2]), LAMP, color)
