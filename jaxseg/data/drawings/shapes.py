"""Draws a scene that contains poles, wires and textured shapes, with occlusions.

The classes differ in texture and shape. Their colors are sampled from overlapping
ranges, so the color of a pixel alone does not determine its class.
"""

from __future__ import annotations

import colorsys

import numpy as np

VOID = 255  # The ignore index of 8-bit labels.
DISC, BOX, TRIANGLE, RING, POLE, WIRE = range(1, 7)
HUES = {DISC: 0.0, BOX: 0.2, TRIANGLE: 0.4, RING: 0.6}  # The centers of wide ranges.


def draw_scene(
    rng: np.random.Generator, size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Draws one image of poles, wires and textured shapes, and its label.

    Args:
      rng: The random number generator.
      size: The (H, W) in pixels.

    Returns:
      An image uint8 [H, W, 3] and a label uint8 [H, W] with the classes 0 to 6 and 255.
    """
    grid = np.mgrid[: size[0], : size[1]].astype(np.float64)
    image = _ground(rng, size)
    label = np.zeros(size, np.uint8)
    for _ in range(rng.integers(3, 6)):
        _paint_object(rng, grid, image, label)
    for _ in range(rng.integers(1, 3)):
        _paint(image, label, _pole(rng, grid), _bright(rng), POLE)
    for _ in range(rng.integers(1, 3)):
        _paint(image, label, _wire(rng, grid), _dark(rng), WIRE)
    image += rng.normal(0.0, 5.0, image.shape)
    return np.clip(image + 0.5, 0, 255).astype(np.uint8), label


def _paint_object(rng, grid, image, label):
    kind = int(rng.integers(DISC, RING + 1))
    height, width = label.shape
    center = rng.uniform((0, 0), (height, width))
    radius = rng.uniform(0.14, 0.3) * min(height, width)
    angle = rng.uniform(0, 2 * np.pi)
    y, x = grid - center[:, None, None]
    shape = _SHAPES[kind](y, x, radius, angle)
    pattern = _TEXTURES[kind](y, x, rng.uniform(4.0, 5.0))[..., None]
    light, dark = _color_pair(rng, HUES[kind])
    _paint(image, label, shape, dark + (light - dark) * pattern, kind)


def _paint(image, label, mask, colors, kind):
    """Paints an object in front of the others, with a ring of void around it."""
    if not mask.any():
        return
    label[_grown(mask)] = VOID
    label[mask] = kind
    image[mask] = np.broadcast_to(colors, image.shape)[mask]


def _grown(mask: np.ndarray) -> np.ndarray:
    """Returns the mask with its eight-neighborhood."""
    rows = mask.copy()
    rows[1:] |= mask[:-1]
    rows[:-1] |= mask[1:]
    grown = rows.copy()
    grown[:, 1:] |= rows[:, :-1]
    grown[:, :-1] |= rows[:, 1:]
    return grown


def _ground(rng, size) -> np.ndarray:
    """Paints a soft pattern of two colors, [H, W, 3]."""
    coarse = rng.random((5, 6))
    rows = np.linspace(0, 4, size[0])
    columns = np.linspace(0, 5, size[1])
    wide = np.stack([np.interp(columns, range(6), line) for line in coarse])
    soft = np.stack([np.interp(rows, range(5), line) for line in wide.T], axis=1)
    light, dark = _color_pair(rng, rng.random())
    return dark + (light - dark) * (0.25 + 0.5 * soft[..., None])


def _color_pair(rng, hue: float) -> tuple[np.ndarray, np.ndarray]:
    """Returns a light and a dark color of nearly one hue, in 0..255."""
    hue = (hue + rng.uniform(-0.25, 0.25)) % 1.0
    saturation = rng.uniform(0.0, 0.7)
    light = np.array(colorsys.hsv_to_rgb(hue, saturation, rng.uniform(0.7, 1.0)))
    dark = np.array(colorsys.hsv_to_rgb(hue, saturation, rng.uniform(0.0, 0.4)))
    return 255 * light, 255 * dark


def _bright(rng) -> np.ndarray:
    return rng.uniform(180, 250, 1) + rng.normal(0, 4, 3)


def _dark(rng) -> np.ndarray:
    return rng.uniform(5, 70, 1) + rng.normal(0, 4, 3)


def _disc(y, x, radius, angle):
    del angle
    return y**2 + x**2 <= radius**2


def _box(y, x, radius, angle):
    y, x = _turned(y, x, angle)
    return (np.abs(y) <= 0.7 * radius) & (np.abs(x) <= 1.0 * radius)


def _triangle(y, x, radius, angle):
    turns = angle + np.array([0, 2, 4]) * np.pi / 3
    sides = [y * np.sin(t) + x * np.cos(t) <= 0.6 * radius for t in turns]
    return sides[0] & sides[1] & sides[2]


def _ring(y, x, radius, angle):
    del angle
    squared = y**2 + x**2
    return (squared <= radius**2) & (squared >= (0.5 * radius) ** 2)


def _turned(y, x, angle):
    sine, cosine = np.sin(angle), np.cos(angle)
    return y * cosine - x * sine, y * sine + x * cosine


def _pole(rng, grid) -> np.ndarray:
    """Returns a pole of 2 or 3 pixels, from a random row to the lower border."""
    y, x = grid
    height, width = y.shape
    foot, lean = rng.uniform(0, width), rng.uniform(-0.15, 0.15)
    top = rng.uniform(0, 0.4) * height
    thickness = rng.integers(2, 4)
    offset = x - np.floor(foot + lean * (height - y))
    return (y >= top) & (offset >= 0) & (offset < thickness)


def _wire(rng, grid) -> np.ndarray:
    """Returns a slack wire of 1 or 2 pixels across the whole image."""
    y, x = grid
    height, width = y.shape
    ends = rng.uniform(0.05, 0.8, 2) * height
    slack = rng.uniform(0.0, 0.15) * height
    along = x / (width - 1)
    line = ends[0] + (ends[1] - ends[0]) * along + 4 * slack * along * (1 - along)
    offset = y - np.floor(line)
    return (offset >= 0) & (offset < rng.integers(1, 3))


def _rows(y, x, period):
    del x
    return _stripe(y, period)


def _columns(y, x, period):
    del y
    return _stripe(x, period)


def _checks(y, x, period):
    return np.abs(_stripe(y, 1.6 * period) - _stripe(x, 1.6 * period))


def _circles(y, x, period):
    return _stripe(np.hypot(y, x), 1.3 * period)


def _stripe(position, period):
    return (np.mod(position, period) < period / 2).astype(np.float64)


_SHAPES = {DISC: _disc, BOX: _box, TRIANGLE: _triangle, RING: _ring}
_TEXTURES = {DISC: _rows, BOX: _checks, TRIANGLE: _columns, RING: _circles}
