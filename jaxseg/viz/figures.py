"""Draws heat maps, curves and bars with Pillow as uint8 images [H, W, 3]."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from jaxseg.viz.palettes import distinct

INK, PALE, PAPER = (30, 30, 30), (215, 215, 215), (255, 255, 255)
# Nine equidistant colors of matplotlib's viridis (Smith and van der Walt, CC0).
_VIRIDIS = np.array(
    [
        (68, 1, 84),
        (71, 44, 122),
        (59, 81, 139),
        (44, 113, 142),
        (33, 144, 141),
        (39, 173, 129),
        (92, 200, 99),
        (170, 220, 50),
        (253, 231, 37),
    ]
)
_LEFT, _TOP, _RIGHT, _BOTTOM = 62, 30, 16, 44


def viridis(share: np.ndarray) -> np.ndarray:
    """Maps numbers from 0 to 1 to the colors of the viridis scale; NaN becomes gray."""
    share = np.asarray(share, np.float64)
    place = np.clip(np.nan_to_num(share), 0, 1)
    knots = np.linspace(0, 1, len(_VIRIDIS))
    colors = np.stack([np.interp(place, knots, c) for c in _VIRIDIS.T], -1)
    colors[np.isnan(share)] = 128
    return np.rint(colors).astype(np.uint8)


def heat_map(
    values: np.ndarray,
    *,
    title: str = "",
    size: int = 320,
    low: float | None = None,
    log: bool = False,
) -> np.ndarray:
    """Draws a matrix in colors, with a color bar that shows its range.

    Args:
      values: [h, w].
      title: The title above the map.
      size: The longer side of the map in pixels. Cells are repeated or left out, never
        blended.
      low: The value that gets the darkest color, by default the smallest of `values`.
        NaN is gray.
      log: Whether colors are proportional to the logarithm of the values, down to 1e-6
        of the maximum.

    Raises:
      ValueError: If the values are not a matrix or are empty.
    """
    values = np.asarray(values, np.float64)
    if values.ndim != 2 or not values.size:
        raise ValueError(
            f"values.shape={values.shape} is invalid: expected a matrix [h, w]."
        )
    high, shown = float(np.nanmax(values)), values
    low = float(np.nanmin(values)) if low is None else low
    if log:
        low = max(high, 1e-300) * 1e-6
        shown = np.log(np.maximum(values, low))
    bottom = np.log(low) if log else low
    span = np.nanmax(shown) - bottom
    share = (shown - bottom) / (span if span > 0 else 1)
    scale = size / max(values.shape)
    height, width = (max(1, round(n * scale)) for n in values.shape)
    rows = np.arange(height) * values.shape[0] // height
    columns = np.arange(width) * values.shape[1] // width
    picture, draw = paper(height + _TOP + 10, width + 90, title)
    picture.paste(Image.fromarray(viridis(share[rows][:, columns])), (10, _TOP))
    bar = viridis(np.linspace(1, 0, height))[:, None].repeat(12, 1)
    picture.paste(Image.fromarray(bar), (width + 18, _TOP))
    for text, y in ((number(high), _TOP), (number(low), _TOP + height - 12)):
        draw.text((width + 34, y), text, fill=INK, font=typeface(10))
    return np.asarray(picture)


def curves(
    series: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    *,
    title: str = "",
    x_label: str = "",
    y_label: str = "",
    size: tuple[int, int] = (300, 520),
) -> np.ndarray:
    """Draws one line for each name, with axes and a legend.

    `series` maps each name to (x, y), the coordinates of the points of its line. `size`
    is the height and the width of the figure in pixels.
    """
    if not series:
        raise ValueError("series={} is invalid: expected at least one line.")
    xs = np.concatenate([np.asarray(x, float) for x, _ in series.values()])
    ys = np.concatenate([np.asarray(y, float) for _, y in series.values()])
    x_range, y_range = _range(xs), _range(np.append(ys, 0.0))
    picture, draw = paper(*size, title)
    place = _axes(
        draw,
        size=size,
        x_range=x_range,
        y_range=y_range,
        x_label=x_label,
        y_label=y_label,
    )
    colors = [tuple(map(int, c)) for c in distinct(len(series) + 1)[1:]]
    for i, (name, (x, y)) in enumerate(series.items()):
        points = [place(a, b) for a, b in zip(x, y, strict=True)]
        draw.line(points, fill=colors[i], width=2)
        left = size[1] - _RIGHT - 150
        draw.line((left, _TOP + 8 + 14 * i, left + 18, _TOP + 8 + 14 * i), colors[i], 3)
        draw.text((left + 24, _TOP + 2 + 14 * i), name, fill=INK, font=typeface(10))
    return np.asarray(picture)


def bars(
    values: Mapping[str, float], *, title: str = "", width: int = 520
) -> np.ndarray:
    """Draws a horizontal bar for each name, and prints its value next to the bar."""
    if not values or min(values.values()) < 0:
        raise ValueError(
            f"values={dict(values)} is invalid: expected one or more numbers that are "
            "not negative."
        )
    font = typeface(10)
    left = 14 + int(max(font.getlength(name) for name in values))
    top = max(values.values()) or 1.0
    picture, draw = paper(_TOP + 16 * len(values) + 8, width + left, title)
    for i, (name, value) in enumerate(values.items()):
        y, length = _TOP + 16 * i, (width - 80) * value / top
        draw.text((6, y), name, fill=INK, font=font)
        draw.rectangle((left, y + 1, left + length, y + 11), fill=(49, 104, 142))
        draw.text((left + length + 6, y), number(value), fill=INK, font=font)
    return np.asarray(picture)


def samples(
    values: Mapping[str, Sequence[float]], *, title: str = "", width: int = 520
) -> np.ndarray:
    """Draws a row for each name: a dot for every value, and a bar at the mean.

    The mean is also printed as a number. `values` maps each name to its values.
    """
    if not values or not all(len(row) for row in values.values()):
        raise ValueError(
            f"values={dict(values)} is invalid: expected one or more lists that are "
            "not empty."
        )
    font, every = typeface(10), np.concatenate([np.asarray(v) for v in values.values()])
    low, high = _range(every)
    left = 20 + int(max(font.getlength(name) for name in values))
    height = _TOP + 18 * len(values) + 24
    picture, draw = paper(height, width + left, title)
    place = lambda value: left + (width - 90) * (value - low) / (high - low)
    for value in np.linspace(low, high, 5):
        draw.line((place(value), _TOP, place(value), height - 22), fill=PALE)
        draw.text((place(value) - 10, height - 18), number(value), fill=INK, font=font)
    for i, (name, row) in enumerate(values.items()):
        y, mean = _TOP + 18 * i + 9, float(np.mean(row))
        draw.text((6, y - 6), name, fill=INK, font=font)
        draw.rectangle((place(mean) - 1, y - 7, place(mean) + 1, y + 7), fill=INK)
        for value in row:
            _dot(draw, place(value), y)
        draw.text((width + left - 70, y - 6), number(mean), fill=INK, font=font)
    return np.asarray(picture)


def scatter(
    points: Mapping[str, tuple[float, Sequence[float]]],
    *,
    title: str = "",
    x_label: str = "",
    y_label: str = "",
    size: tuple[int, int] = (320, 520),
) -> np.ndarray:
    """Draws a column of dots for each name, and a bar at their mean.

    `points` maps each name to (x, values): the position of the column on the x axis,
    and the values of its dots. `size` is the height and the width in pixels.
    """
    if not points:
        raise ValueError("points={} is invalid: expected at least one position.")
    xs = np.array([x for x, _ in points.values()], float)
    ys = np.concatenate([np.asarray(y, float) for _, y in points.values()])
    picture, draw = paper(*size, title)
    margins = [0.06 * (v[1] - v[0]) for v in (_range(xs), _range(ys))]
    ranges = [
        (v[0] - m, v[1] + m)
        for v, m in zip((_range(xs), _range(ys)), margins, strict=True)
    ]
    place = _axes(draw, size, *ranges, x_label, y_label)
    for name, (x, values) in points.items():
        column, row = place(x, float(np.mean(values)))
        draw.rectangle((column - 7, row - 1, column + 7, row + 1), fill=INK)
        for value in values:
            _dot(draw, *place(x, value))
        length = typeface(10).getlength(name)
        side = 10 if column + 10 + length < size[1] - _RIGHT else -10 - length
        draw.text((column + side, row - 6), name, fill=INK, font=typeface(10))
    return np.asarray(picture)


def _dot(draw, x, y):
    draw.ellipse((x - 3, y - 3, x + 3, y + 3), fill=(49, 104, 142))


def beside(pictures: Sequence[np.ndarray], columns: int = 3) -> np.ndarray:
    """Arranges pictures uint8 [H, W, 3] of any sizes in rows, from left to right.

    The pictures are not resized, and the gaps are white.
    """
    if not pictures:
        raise ValueError("pictures=[] is invalid: expected at least one picture.")
    rows = [pictures[i : i + columns] for i in range(0, len(pictures), columns)]
    strips = [_joined(row, axis=1) for row in rows]
    return _joined(strips, axis=0)


def _joined(pictures, axis):
    other = 1 - axis
    longest = max(p.shape[other] for p in pictures)
    grown = []
    for picture in pictures:
        widths = [(0, 0)] * 3
        widths[other] = (0, longest - picture.shape[other])
        grown.append(np.pad(picture, widths, constant_values=255))
    return np.concatenate(grown, axis)


def number(value: float) -> str:
    """Formats a number for a figure, such as "0.25", "1,234" or "5.1e-07"."""
    if value == int(value) and abs(value) < 1e6:
        return f"{int(value):,}"
    if 1e-3 <= abs(value) < 1e4:
        return f"{value:.4g}"
    return f"{value:.2g}"


def typeface(size: int) -> ImageFont.ImageFont:
    """Returns the font that all figures use, in a size given in pixels."""
    return ImageFont.load_default(size=size)


def paper(
    height: int, width: int, title: str
) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """Creates a white picture with a title.

    The picture is wider than `width` pixels if the title needs it.

    Returns:
      The picture, and the object that draws on it.
    """
    width = max(width, 20 + int(typeface(12).getlength(title)))
    picture = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(picture)
    draw.text((10, 8), title, fill=INK, font=typeface(12))
    return picture, draw


def _range(values):
    values = values[np.isfinite(values)]
    low, high = (values.min(), values.max()) if values.size else (0.0, 1.0)
    return (low, high) if high > low else (low, low + 1.0)


def _axes(draw, size, x_range, y_range, x_label, y_label):
    """Draws frame, ticks and labels; returns a function from (x, y) to a pixel."""
    height, width = size
    right, bottom, font = width - _RIGHT, height - _BOTTOM, typeface(10)

    def place(x, y):
        across = (x - x_range[0]) / (x_range[1] - x_range[0])
        up = (y - y_range[0]) / (y_range[1] - y_range[0])
        return _LEFT + across * (right - _LEFT), bottom - up * (bottom - _TOP)

    for x in np.linspace(*x_range, 5):
        column, _ = place(x, y_range[0])
        draw.line((column, _TOP, column, bottom), fill=PALE)
        draw.text((column - 10, bottom + 4), number(x), fill=INK, font=font)
    for y in np.linspace(*y_range, 5):
        _, row = place(x_range[0], y)
        draw.line((_LEFT, row, right, row), fill=PALE)
        draw.text((6, row - 6), number(y), fill=INK, font=font)
    draw.rectangle((_LEFT, _TOP, right, bottom), outline=INK)
    draw.text((_LEFT + 60, height - 20), x_label, fill=INK, font=font)
    draw.text((_LEFT + 4, _TOP + 2), y_label, fill=INK, font=font)
    return place
