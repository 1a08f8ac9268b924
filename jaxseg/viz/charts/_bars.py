"""Draws horizontal bars and rows of dots, with the mean of repeated measurements.

Error bars show the standard deviation.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from jaxseg.viz.charts.axis import Axis, number, set_axes
from jaxseg.viz.charts.style import INK, color, marker

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SPREAD = "mean ± standard deviation"  # The name of the error bars in the legend.
Values = float | Sequence[float]


@dataclasses.dataclass(frozen=True)
class Bars:
    """A chart with a row of horizontal bars for each name, from top to bottom.

    A bar ends at the mean of its values. If there are several, an error bar extends by
    one standard deviation of the sample (n - 1) to each side. The bars start at 0. Use
    `Dots` for values without a meaningful zero, because the lengths of bars would
    mislead.

    Attributes:
      series: A dictionary from the name of a series to a dictionary from the name of a
        row to the values of the row. A single series with an empty name has no legend.
        A row can be missing from a series.
      x: The axis of the values.
      y: The axis of the names.
      title: The title.
      numbers: Whether the mean is printed at each bar.
    """

    series: Mapping[str, Mapping[str, Values]]
    x: Axis
    y: Axis = Axis()
    title: str = ""
    numbers: bool = True

    def __post_init__(self):
        _check(self.series)

    def draw(self, axes: Axes) -> None:
        """Draws the chart into axes of matplotlib."""
        names = row_names(self.series)
        height = 0.8 / len(self.series)
        for place, (series, values) in enumerate(self.series.items()):
            rows = [i for i, name in enumerate(names) if name in values]
            samples = [np.atleast_1d(values[names[i]]) for i in rows]
            means = [float(np.mean(row)) for row in samples]
            spread = [deviation(row) for row in samples]
            positions = np.array(rows) + height * (place - (len(self.series) - 1) / 2)
            axes.barh(
                positions,
                means,
                height=0.92 * height,
                color=color(place),
                label=series,
            )
            if any(spread):
                bars = {"ecolor": INK, "capsize": 3, "elinewidth": 1, "fmt": "none"}
                error = np.where(spread, spread, np.nan)
                axes.errorbar(means, positions, xerr=error, label=SPREAD, **bars)
            if self.numbers:
                for y, mean, error in zip(positions, means, spread, strict=True):
                    self._print(axes, (mean, error), y)
        set_rows(axes, names)
        set_axes(axes, x=self.x, y=self.y, title=self.title)
        if self.numbers and self.x.limits[1] is None:
            axes.margins(x=0.12)

    def _print(self, axes: Axes, value: tuple[float, float], y: float) -> None:
        mean, error = value
        axes.annotate(
            number(float(f"{mean:.3g}")),
            (mean + (error if mean >= 0 else -error), y),
            xytext=(4 if mean >= 0 else -4, 0),
            textcoords="offset points",
            va="center",
            ha="left" if mean >= 0 else "right",
            fontsize=8,
        )


@dataclasses.dataclass(frozen=True)
class Dots:
    """A chart with a dot for every value, in a row for each name from top to bottom.

    If a row has several values, a short line marks their mean. An error bar extends by
    one standard deviation of the sample (n - 1) to each side of it.

    Attributes:
      series: A dictionary from the name of a series to a dictionary from the name of a
        row to the values of the row. A single series with an empty name has no legend.
        A row can be missing from a series.
      x: The axis of the values.
      y: The axis of the names.
      title: The title.
      level: A value that a dashed vertical line marks.
    """

    series: Mapping[str, Mapping[str, Values]]
    x: Axis
    y: Axis = Axis()
    title: str = ""
    level: float | None = None

    def __post_init__(self):
        _check(self.series)

    def draw(self, axes: Axes) -> None:
        """Draws the chart into axes of matplotlib."""
        if self.level is not None:
            axes.axvline(self.level, color=INK, linewidth=1, linestyle="--")
        names = row_names(self.series)
        step = 0.6 / len(self.series)
        for place, (series, values) in enumerate(self.series.items()):
            label, shift = series, step * (place - (len(self.series) - 1) / 2)
            for i, name in enumerate(names):
                if name not in values:
                    continue
                row = np.atleast_1d(values[name])
                y = np.full(len(row), i + shift)
                axes.plot(
                    row,
                    y,
                    linestyle="",
                    marker=marker(place),
                    color=color(place),
                    alpha=0.55 if len(row) > 1 else 1,
                    label=label,
                )
                label = "_" + series  # matplotlib leaves such names out of the legend.
                if len(row) > 1:
                    mean = {
                        "fmt": "|",
                        "ms": 14,
                        "color": INK,
                        "capsize": 3,
                        "elinewidth": 1,
                    }
                    axes.errorbar(
                        row.mean(), y[0], xerr=deviation(row), label=SPREAD, **mean
                    )
        set_rows(axes, names)
        set_axes(axes, x=self.x, y=self.y, title=self.title)


def _check(series: Mapping[str, Mapping[str, Values]]) -> None:
    values = [v for rows in series.values() for v in rows.values()]
    if not values or not all(np.size(v) for v in values):
        raise ValueError(
            f"series={series} is invalid: expected at least one row, and at least one "
            "value in each row."
        )


def deviation(values: Sequence[float]) -> float:
    """Returns the standard deviation of a sample (n - 1), or 0 for a single value."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else 0.0


def row_names(series: Mapping[str, Mapping[str, Values]]) -> list[str]:
    """Returns the names of the rows of all series, in the order of appearance."""
    return list(dict.fromkeys(name for rows in series.values() for name in rows))


def set_rows(axes: Axes, names: Sequence[str]) -> None:
    """Prints the names of the rows on the vertical axis, from top to bottom."""
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)
