"""Draws lines over a common axis, with bands or bars for their uncertainty."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from jaxseg.viz.charts.axis import Axis, set_axes
from jaxseg.viz.charts.style import color, line_style, marker

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MARKED = 25  # Lines with at most this many points have markers.


@dataclasses.dataclass(frozen=True)
class Line:
    """Contains the points of one line.

    Attributes:
      x: The positions, [n].
      y: The values, [n]. NaN interrupts the line.
      low: The lower ends of the uncertainty, [n], or None to draw no uncertainty.
      high: The upper ends of the uncertainty, [n], or None to draw no uncertainty.
    """

    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] | None = None
    high: Sequence[float] | None = None


def mean_line(x: Sequence[float], samples: Sequence[Sequence[float]]) -> Line:
    """Returns a line through the means of measurements that were repeated at each x.

    Its uncertainty extends by one standard deviation of the sample (n - 1) to each
    side. A single measurement has none.

    Args:
      x: The positions, [n].
      samples: The measurements at each position, n sequences of any lengths.
    """
    mean = np.array([np.mean(values) for values in samples])
    spread = np.array([_deviation(values) for values in samples])
    return Line(x, mean, mean - spread, mean + spread)


def _deviation(values: Sequence[float]) -> float:
    return float(np.std(values, ddof=1)) if len(values) > 1 else 0.0


@dataclasses.dataclass(frozen=True)
class Lines:
    """A chart with one line for each name.

    Attributes:
      lines: The lines by name. A single line with an empty name has no legend.
      x: The horizontal axis.
      y: The vertical axis.
      title: The title.
      bars: Whether the uncertainty is drawn as bars instead of as a band.
      level: A pair (name, value): a dashed horizontal line marks the value.
    """

    lines: Mapping[str, Line]
    x: Axis
    y: Axis
    title: str = ""
    bars: bool = False
    level: tuple[str, float] | None = None

    def __post_init__(self):
        if not self.lines:
            raise ValueError("lines={} is invalid: expected at least one line.")

    def draw(self, axes: Axes) -> None:
        """Draws the chart into axes of matplotlib."""
        for place, (name, line) in enumerate(self.lines.items()):
            style = {"color": color(place), "linestyle": line_style(place)}
            axes.plot(
                line.x,
                line.y,
                label=name,
                marker=marker(place) if len(line.x) <= MARKED else "",
                **style,
            )
            if line.low is not None and line.high is not None:
                self._draw_uncertainty(axes, line, color(place))
        if self.level is not None:
            name, value = self.level
            axes.axhline(
                value, color="#1c1f23", linewidth=1, linestyle="--", label=name
            )
        set_axes(axes, x=self.x, y=self.y, title=self.title)

    def _draw_uncertainty(self, axes: Axes, line: Line, drawn_in: str) -> None:
        if not self.bars:
            axes.fill_between(
                line.x, line.low, line.high, color=drawn_in, alpha=0.2, linewidth=0
            )
            return
        y = np.asarray(line.y, float)
        ends = [y - np.asarray(line.low), np.asarray(line.high) - y]
        axes.errorbar(line.x, y, yerr=ends, fmt="none", ecolor=drawn_in, capsize=3)
