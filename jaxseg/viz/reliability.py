"""Draws reliability diagrams: the accuracy of predictions over their confidence."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from jaxseg.viz.figures import INK, PALE, paper, typeface

SIDE, LEFT, TOP, GAP, BOTTOM = 220, 46, 46, 40, 90
BAR, OVER, UNDER = (70, 110, 180), (230, 120, 100), (110, 190, 120)


def reliability_diagram(
    series: Mapping[str, np.ndarray], *, title: str = ""
) -> np.ndarray:
    """Draws one diagram for each series, side by side.

    A blue bar shows the accuracy in a bin of confidence. A red bar on it shows by how
    much the mean confidence is larger. Where the accuracy is larger, this part of it is
    green. The gray bars below show the share of the predictions in each bin.

    Args:
      series: For each name, the number of predictions, their accuracy and their mean
        confidence in each of n equal bins, [n, 3]. The name is drawn above the diagram.
      title: The title of the picture.

    Returns:
      The picture, uint8 [H, W, 3].
    """
    if not series:
        raise ValueError("series={} is invalid: expected at least one diagram.")
    width = LEFT + len(series) * (SIDE + GAP)
    picture, draw = paper(TOP + SIDE + BOTTOM, width, title)
    for place, (name, bins) in enumerate(series.items()):
        left = LEFT + place * (SIDE + GAP)
        draw.text((left, TOP - 16), name, fill=INK, font=typeface(11))
        _bars(draw, left, np.asarray(bins, np.float64))
        _axes(draw, left, first=place == 0)
    return np.asarray(picture)


def _bars(draw, left: int, bins: np.ndarray) -> None:
    bottom, step = TOP + SIDE, SIDE / len(bins)
    share = bins[:, 0] / max(bins[:, 0].sum(), 1)
    for i, (number, accuracy, confidence) in enumerate(bins):
        if not number:
            continue
        x = (round(left + i * step) + 1, round(left + (i + 1) * step) - 1)
        low, high = sorted((accuracy, confidence))
        draw.rectangle((x[0], bottom - accuracy * SIDE, x[1], bottom), fill=BAR)
        ends = (bottom - high * SIDE, bottom - low * SIDE)
        color = OVER if confidence > accuracy else UNDER
        draw.rectangle((x[0], ends[0], x[1], ends[1]), fill=color)
        base = bottom + BOTTOM - 34
        draw.rectangle((x[0], base - 30 * share[i], x[1], base), fill=(150, 150, 150))
    draw.line((left, bottom, left + SIDE, TOP), fill=INK)


def _axes(draw, left: int, *, first: bool) -> None:
    bottom = TOP + SIDE
    draw.rectangle((left, TOP, left + SIDE, bottom), outline=INK)
    for value in (0, 0.5, 1):
        text, font = f"{value:g}", typeface(10)
        draw.text((left + value * SIDE - 6, bottom + 4), text, fill=INK, font=font)
        if first:
            y = bottom - value * SIDE - 6
            draw.text((left - 24, y), text, fill=INK, font=font)
    base = bottom + BOTTOM - 34
    draw.line((left, base, left + SIDE, base), fill=PALE)
    lines = "confidence; share of the predictions below\nred: too confident, "
    lines += "green: not confident enough"
    draw.text((left, base + 6), lines, fill=INK, font=typeface(10))
    if first:
        draw.text((1, TOP + SIDE // 4), "accuracy", fill=INK, font=typeface(10))
