"""A tree of costs as nested boxes: widths are shares, rows are depths of the names."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from jaxseg.viz.figures import INK, PAPER, number, paper, typeface
from jaxseg.viz.palettes import distinct

_ROW, _TOP, _SIDE = 19, 30, 10


@dataclasses.dataclass(frozen=True)
class Box:
    """A part of the tree: its path, its cost, where it begins, all within 0 ... 1."""

    path: tuple[str, ...]
    start: float
    share: float


def boxes(costs: Mapping[str, float], depth: int | None = None) -> list[Box]:
    """Every part of names such as "backbone/layer1_0/conv1", the parts before theirs.

    Args:
      costs: by name, none negative; children stand in the order they come in.
      depth: of the names, counted from 1; all if None.

    Raises: ValueError when there is nothing to show.
    """
    total = sum(costs.values())
    if not total > 0 or min(costs.values()) < 0:
        raise ValueError("costs must be none negative and not all zero")
    paths = {tuple(name.split("/"))[:depth]: 0.0 for name in costs}
    for name, cost in costs.items():
        paths[tuple(name.split("/"))[:depth]] += cost / total
    found: list[Box] = []
    _place(paths, (), 0.0, found)
    return found


def _place(paths, parent, start, found):
    """Appends the children of `parent` and theirs, from the left."""
    level, groups = len(parent), {}
    for path, share in paths.items():
        if len(path) > level and path[:level] == parent:
            groups[path[level]] = groups.get(path[level], 0.0) + share
    for name, share in groups.items():
        found.append(Box((*parent, name), start, share))
        _place(paths, (*parent, name), start, found)
        start += share


def flame(
    costs: Mapping[str, float],
    *,
    title: str = "",
    unit: str = "",
    depth: int | None = None,
    width: int = 1000,
) -> np.ndarray:
    """The boxes with names and costs where there is room, uint8 [H, W, 3].

    Parts of one module have one color; a box below a pixel is left out.
    """
    total = sum(costs.values())
    found = [box for box in boxes(costs, depth) if box.share * width >= 1]
    rows = max(len(box.path) for box in found)
    picture, draw = paper(_TOP + _ROW * (rows + 1) + 8, width + 2 * _SIDE, title)
    tops = list(dict.fromkeys(box.path[0] for box in found))
    colors = dict(zip(tops, _pastel(len(tops)), strict=True))
    everything = Box(("all",), 0.0, 1.0)
    for box in (everything, *found):
        row = 0 if box is everything else len(box.path)
        left = _SIDE + round(width * box.start)
        right = _SIDE + round(width * (box.start + box.share))
        top = _TOP + _ROW * row
        color = (225, 225, 225) if box is everything else colors[box.path[0]]
        draw.rectangle((left, top, right, top + _ROW), fill=color, outline=PAPER)
        label = f"{box.path[-1]}  {number(box.share * total)} {unit}".rstrip()
        for text in (label, box.path[-1]):
            if typeface(10).getlength(text) + 6 <= right - left:
                draw.text((left + 3, top + 3), text, fill=INK, font=typeface(10))
                break
    return np.asarray(picture)


def _pastel(count):
    """Colors halfway to white, so that text can be read on them."""
    strong = np.asarray(distinct(count + 1)[1:], float)
    return [tuple(map(int, (color + 255) / 2)) for color in strong]
