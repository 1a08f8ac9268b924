"""Draws points with two values each, such as time and accuracy.

A line can mark the best compromises: the points that no other point beats in both
values.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from jaxseg.viz.charts.axis import Axis, set_axes
from jaxseg.viz.charts.style import GRAY, color, marker

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclasses.dataclass(frozen=True)
class Points:
    """Contains the points of one series.

    Attributes:
      x: The horizontal positions, [n].
      y: The vertical positions, [n].
      names: A name for each point, printed next to it.
      x_error: The half length of horizontal error bars, [n].
      y_error: The half length of vertical error bars, [n].
    """

    x: Sequence[float]
    y: Sequence[float]
    names: Sequence[str] = ()
    x_error: Sequence[float] | None = None
    y_error: Sequence[float] | None = None


@dataclasses.dataclass(frozen=True)
class Scatter:
    """A scatter chart, which shows each pair of values as a point.

    Attributes:
      series: The points by the name of their series. A single series with an empty name
        has no legend.
      x: The horizontal axis.
      y: The vertical axis.
      title: The title.
      front: Whether a gray line connects the points that no other point beats in both
        values, where a smaller x and a larger y are better.
    """

    series: Mapping[str, Points]
    x: Axis
    y: Axis
    title: str = ""
    front: bool = False

    def __post_init__(self):
        if not any(len(points.x) for points in self.series.values()):
            raise ValueError("series={} is invalid: expected at least one point.")

    def draw(self, axes: Axes) -> None:
        """Draws the chart into axes of matplotlib."""
        for place, (name, points) in enumerate(self.series.items()):
            axes.errorbar(
                points.x,
                points.y,
                xerr=points.x_error,
                yerr=points.y_error,
                fmt=marker(place),
                color=color(place),
                elinewidth=1,
                capsize=3,
                label=name,
            )
            for text, x, y in zip(points.names, points.x, points.y, strict=False):
                axes.annotate(
                    text, (x, y), (5, 4), textcoords="offset points", fontsize=8
                )
        if self.front:
            every = [
                (x, y)
                for p in self.series.values()
                for x, y in zip(p.x, p.y, strict=True)
            ]
            best = pareto_front(every)
            axes.plot(*zip(*best, strict=True), color=GRAY, linewidth=1, zorder=0)
        set_axes(axes, x=self.x, y=self.y, title=self.title)
        axes.margins(0.1)


def pareto_front(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Returns the points that no other point beats in both values.

    A smaller first value and a larger second value are better. The result is ordered by
    the first value.

    >>> pareto_front([(2, 5), (1, 3), (3, 4)])
    [(1, 3), (2, 5)]
    """
    best, front = -np.inf, []
    for x, y in sorted(points, key=lambda point: (point[0], -point[1])):
        if y > best:
            front.append((x, y))
            best = y
    return front
