"""Draws a flame graph, which shows the costs of the modules of a network.

Each module is a box. The width of the box is the fraction of the total cost that the
module causes. The boxes of its submodules are in the next row.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING

from jaxseg.viz import charts
from jaxseg.viz.charts.axis import set_axes
from jaxseg.viz.charts.style import GRAY, color

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH, ROW = 10.0, 0.24  # The width of a graph and the height of a row in inches.
LETTER = 5.2  # The width of a letter of the boxes in points, at least.
SMALLEST = 1e-3  # Narrower boxes would be about one pixel wide.


@dataclasses.dataclass(frozen=True)
class Box:
    """Contains the box of one module in a flame graph.

    Attributes:
      path: The path of the module, such as ("backbone", "layer1_0").
      start: The position of the left end of the box, as a fraction of the graph's
        width.
      share: The cost of the module as a fraction of the total cost.
    """

    path: tuple[str, ...]
    start: float
    share: float


def boxes(costs: Mapping[str, float], depth: int | None = None) -> list[Box]:
    """Computes the boxes of a flame graph.

    Args:
      costs: The costs by path, such as {"backbone/layer1_0/conv1": 1.5}. They must not
        be negative. The cost of a module is the sum of the costs of all paths that
        begin with its path.
      depth: The number of rows of boxes, at least 1. By default there is a row for
        every level of the paths.

    Returns:
      A list of boxes. The box of a module comes before the boxes of its submodules, and
      these are in the order of `costs`.

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


@dataclasses.dataclass(frozen=True)
class Flame:
    """A flame graph. A box shows the name and the cost of its module if they fit.

    All boxes of one top-level module have the same color. Boxes narrower than a
    thousandth of the graph are left out.

    Attributes:
      costs: The costs by path, such as {"backbone/layer1_0/conv1": 1.5}. They must not
        be negative.
      unit: The unit of the costs.
      title: The title above the graph.
      depth: The number of rows of boxes, at least 1. By default there is a row for
        every level of the paths.
    """

    costs: Mapping[str, float]
    unit: str = ""
    title: str = ""
    depth: int | None = None

    @property
    def layout(self) -> charts.Layout:
        """Returns a layout that is high enough to read all rows of boxes."""
        rows = max(len(box.path) for box in boxes(self.costs, self.depth))
        return charts.Layout(width=WIDTH, height=1.1 + ROW * (rows + 1))

    def draw(self, axes: Axes) -> None:
        """Draws the graph into axes of matplotlib."""
        total = sum(self.costs.values())
        found = [box for box in boxes(self.costs, self.depth) if box.share >= SMALLEST]
        tops = list(dict.fromkeys(box.path[0] for box in found))
        shades = {name: color(place) for place, name in enumerate(tops)}
        room = 72 * axes.figure.get_figwidth()
        for box in (Box(("all",), 0.0, 1.0), *found):
            row = len(box.path) if box in found else 0
            axes.barh(
                row,
                box.share * total,
                left=box.start * total,
                height=1,
                color=shades[box.path[0]] if row else GRAY,
                alpha=0.35,
                edgecolor="white",
                linewidth=1.5,
            )
            cost = f"{charts.number(float(f'{box.share * total:.3g}'))} {self.unit}"
            for text in (f"{box.path[-1]}  {cost}".rstrip(), box.path[-1]):
                if LETTER * len(text) <= box.share * room:
                    place = (box.start * total, row)
                    axes.annotate(
                        text,
                        place,
                        xytext=(3, 0),
                        textcoords="offset points",
                        va="center",
                        fontsize=8,
                    )
                    break
        axes.grid(visible=False)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        unit = f"cost [{self.unit}]" if self.unit else "cost"
        x, y = charts.Axis(unit, limits=(0, total)), charts.Axis()
        set_axes(axes, x=x, y=y, title=self.title)
        axes.set_ylim(max(len(box.path) for box in found) + 0.5, -0.5)
