"""Draws histograms, which show how often values occur."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from jaxseg.viz.charts.axis import Axis, set_axes
from jaxseg.viz.charts.style import color, line_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclasses.dataclass(frozen=True)
class Histogram:
    """A histogram, which shows how often values occur. All series share the bins.

    Attributes:
      values: A dictionary from the name of a series to its values, [n]. A single series
        with an empty name has no legend.
      x: The axis of the values.
      y: The axis of the counts.
      title: The title.
      bins: The number of bins, or the edges between them.
    """

    values: Mapping[str, Sequence[float]]
    x: Axis
    y: Axis = Axis("count")
    title: str = ""
    bins: int | Sequence[float] = 30

    def __post_init__(self):
        if not any(np.size(values) for values in self.values.values()):
            raise ValueError("values={} is invalid: expected at least one value.")

    def draw(self, axes: Axes) -> None:
        """Draws the chart into axes of matplotlib."""
        every = np.concatenate([np.ravel(v) for v in self.values.values()])
        edges = np.histogram_bin_edges(every[np.isfinite(every)], self.bins)
        for place, (name, values) in enumerate(self.values.items()):
            counts, _ = np.histogram(values, edges)
            shade = color(place)
            axes.stairs(counts, edges, fill=True, color=shade, alpha=0.25)
            style = {"color": shade, "linewidth": 1.6, "linestyle": line_style(place)}
            axes.stairs(counts, edges, label=name, **style)
        set_axes(axes, x=self.x, y=self.y, title=self.title)
