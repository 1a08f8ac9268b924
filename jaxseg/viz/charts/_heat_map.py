"""Draws a matrix as a heat map: a grid of colored cells, with a color scale."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from jaxseg.viz.charts.axis import Axis, set_axes, set_ticks
from jaxseg.viz.charts.style import SCALE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PRINTED = 14  # Matrices with at most this many rows and columns have numbers.
SMALLEST = 1e-6  # A logarithmic scale ends at this fraction of the largest value.


@dataclasses.dataclass(frozen=True)
class HeatMap:
    """A heat map of a matrix, with a color scale. Cells without a value (NaN) are gray.

    Attributes:
      values: The matrix, [h, w].
      scale: The title of the color scale, with the unit, and the values at its ends.
        With `log=True` the colors follow the logarithm of the values.
      rows: The names of the rows.
      columns: The names of the columns.
      x: The horizontal axis. If `columns` is empty and `extent` is None, it shows the
        numbers of the columns.
      y: The vertical axis, from top to bottom.
      title: The title.
      numbers: The format of the number that each cell shows, such as ".2f". With "",
        cells show no numbers. By default, cells show numbers only if the matrix has
        names and at most 14 rows and columns.
      extent: The coordinates of the left, right, lower and upper edges. By default,
        the centers of the cells have the coordinates 0, 1, 2 and so on.
    """

    values: np.ndarray
    scale: Axis
    rows: Sequence[str] = ()
    columns: Sequence[str] = ()
    x: Axis = Axis()
    y: Axis = Axis()
    title: str = ""
    numbers: str | None = None
    extent: tuple[float, float, float, float] | None = None

    def __post_init__(self):
        if np.ndim(self.values) != 2 or not np.size(self.values):
            raise ValueError(
                f"values.shape={np.shape(self.values)} is invalid: expected a matrix "
                "[h, w]."
            )

    def draw(self, axes: Axes) -> None:
        """Draws the chart into axes of matplotlib."""
        import matplotlib

        values = np.asarray(self.values, float)
        colors = matplotlib.colormaps[SCALE].with_extremes(bad="#9aa0a6")
        image = axes.imshow(
            np.ma.masked_invalid(values),
            cmap=colors,
            norm=self._norm(values),
            extent=self.extent,
        )
        bar = axes.figure.colorbar(image, ax=axes, label=self.scale.label, shrink=0.9)
        set_ticks(bar.long_axis, self.scale)
        axes.grid(visible=False)
        axes.spines[:].set_visible(False)
        set_axes(axes, x=self.x, y=self.y, title=self.title)
        self._name_cells(axes)
        form = self.numbers
        if form is None:
            small = max(values.shape) <= PRINTED
            form = ".2f" if small and (self.rows or self.columns) else ""
        if form:
            self._print(axes, image, form)

    def _norm(self, values: np.ndarray):
        from matplotlib.colors import LogNorm, Normalize

        low, high = self.scale.limits
        if not self.scale.log:
            return Normalize(low, high)
        high = max(np.nanmax(values), 1e-300) if high is None else high
        low = max(np.nanmin(values), SMALLEST * high) if low is None else low
        return LogNorm(low, high, clip=True)

    def _name_cells(self, axes: Axes) -> None:
        if self.columns:
            turn = 90 if max(map(len, self.columns)) > 4 else 0
            axes.set_xticks(range(len(self.columns)), self.columns, rotation=turn)
        if self.rows:
            axes.set_yticks(range(len(self.rows)), self.rows)
        if self.columns or self.rows:
            axes.tick_params(length=0)
        if self.extent is None:  # Cells are counted.
            for axis, names in ((axes.xaxis, self.columns), (axes.yaxis, self.rows)):
                if not names:
                    axis.get_major_locator().set_params(integer=True)

    def _print(self, axes: Axes, image, form: str) -> None:
        for (row, column), value in np.ndenumerate(np.asarray(self.values, float)):
            if np.isfinite(value):
                # The sum of red, green and blue is at most 3.
                bright = sum(image.cmap(image.norm(value))[:3]) > 1.5
                axes.text(
                    column,
                    row,
                    format(value, form),
                    ha="center",
                    va="center",
                    fontsize=7,
                    color="black" if bright else "white",
                )
