"""Draws a flame graph, which shows the costs of the modules of a network.

Each module is a box. The width of the box is the fraction of the total cost that the
module causes. The boxes of its submodules are in the next row.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from jaxseg.viz.figures import INK, PAPER, number, paper, typeface
from jaxseg.viz.palettes import distinct

_ROW, _TOP, _SIDE = 19, 30, 10


@dataclasses.dataclass(frozen=True)
class Box:
    """Contains the box of one module in a flame graph.

    Attributes:
      path: The path of the module, such as ("backbone", "layer1_0").
      start: The position of the left end of the box, from 0 to 1 of the graph's width.
      share: The cost of the module as a fraction of the total cost.
    """

    path: tuple[str, ...]
    start: float
    share: float


def boxes(costs: Mapping[str, float], depth: int | None = None) -> list[Box]:
    """Computes the boxes of a flame graph.

    Args:
      costs: The costs by path, such as {"backbone/layer1_0/conv1": 1.5}, none of them
        negative. The cost of a module is the sum over all paths that begin with it.
      depth: The number of rows of boxes, at least 1. None draws the whole paths.

    Returns:
      The boxes. Each box comes before those of its submodules, which keep the order of
      `costs`.

    Raises:
      ValueError: If a cost is negative or all are zero.
    """
    total = sum(costs.values())
    if not total > 0 or min(costs.values()) < 0:
        raise ValueError(
            "costs is invalid: expected values that are not negative and not all zero."
        )
    paths = {tuple(name.split("/"))[:depth]: 0.0 for name in costs}
    for name, cost in costs.items():
        paths[tuple(name.split("/"))[:depth]] += cost / total
    found: list[Box] = []
    _place(paths, parent=(), start=0.0, found=found)
    return found


def _place(paths, parent, start, found):
    """Appends the boxes of the children of `parent` and their children."""
    level, groups = len(parent), {}
    for path, share in paths.items():
        if len(path) > level and path[:level] == parent:
            groups[path[level]] = groups.get(path[level], 0.0) + share
    for name, share in groups.items():
        found.append(Box((*parent, name), start, share))
        _place(paths, parent=(*parent, name), start=start, found=found)
        start += share


def flame(
    costs: Mapping[str, float],
    *,
    title: str = "",
    unit: str = "",
    depth: int | None = None,
    width: int = 1000,
) -> np.ndarray:
    """Draws a flame graph. A box shows the name and cost of its module if they fit.

    All boxes of one top-level module have the same color. Boxes narrower than a pixel
    are left out.

    Args:
      costs: The costs by path, such as {"backbone/layer1_0/conv1": 1.5}, none of them
        negative.
      title: The title above the graph.
      unit: The unit of the costs, which is printed after them.
      depth: The number of rows of boxes, at least 1. None draws the whole paths.
      width: The width in pixels.

    Returns:
      uint8 [H, W, 3].
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
    """Returns colors halfway to white, on which text is legible."""
    strong = np.asarray(distinct(count + 1)[1:], float)
    return [tuple(map(int, (color + 255) / 2)) for color in strong]
