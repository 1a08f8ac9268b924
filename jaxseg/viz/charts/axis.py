"""Describes one axis of a chart and sets up the axis of matplotlib."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any


@dataclasses.dataclass(frozen=True)
class Axis:
    """Describes one axis of a chart.

    Attributes:
      label: The title of the axis, with the unit: "time per step [ms]".
      log: Whether the scale is logarithmic.
      limits: The values at both ends of the axis. If a value is None, that end is
        chosen to fit the data.
      ticks: The values at which ticks are drawn, instead of at round numbers. Set them
        if only a few values exist, such as atrous rates.
      names: The text at each of `ticks`, instead of the number.
    """

    label: str = ""
    log: bool = False
    limits: tuple[float | None, float | None] = (None, None)
    ticks: Sequence[float] | None = None
    names: Sequence[str] | None = None


def set_axes(axes: Any, *, x: Axis, y: Axis, title: str = "") -> None:
    """Sets scales, limits, ticks and titles of the axes of matplotlib.

    Call this function after the data are drawn.

    Args:
      axes: The axes, `matplotlib.axes.Axes`.
      x: The horizontal axis.
      y: The vertical axis.
      title: The title above the axes.
    """
    axes.set_title(title)
    axes.set_xlabel(x.label)
    axes.set_ylabel(y.label)
    if x.log:
        axes.set_xscale("log")
    if y.log:
        axes.set_yscale("log")
    axes.set_xlim(*x.limits)
    axes.set_ylim(*y.limits)
    set_ticks(axes.xaxis, x)
    set_ticks(axes.yaxis, y)


def set_ticks(axis: Any, described: Axis) -> None:
    """Sets the ticks of an axis of matplotlib, whose scale and limits are already set.

    Args:
      axis: The axis of matplotlib, a `matplotlib.axis.Axis`.
      described: An `Axis` of this module, which states the ticks and the scale.
    """
    from matplotlib import ticker

    if described.ticks is not None:
        names = described.names or [number(value) for value in described.ticks]
        axis.set_major_locator(ticker.FixedLocator(list(described.ticks)))
        axis.set_major_formatter(ticker.FixedFormatter(list(names)))
        axis.set_minor_locator(ticker.NullLocator())
    elif described.log:
        low, high = sorted(axis.get_view_interval())
        decades = math.log10(high / low)
        steps = (1.0,) if decades > 3 else (1.0, 2.0, 5.0) if decades > 0.8 else None
        locator = (
            ticker.LogLocator(subs=steps)
            if steps
            else ticker.MaxNLocator(6, steps=[1, 2, 5, 10])
        )
        axis.set_major_locator(locator)
        axis.set_major_formatter(ticker.FuncFormatter(lambda value, _: number(value)))
        axis.set_minor_formatter(ticker.NullFormatter())


def number(value: float) -> str:
    """Formats a number for a chart, such as "0.25", "1,234" or "5.1e-07".

    >>> [number(x) for x in (0, 1234, 0.25, 3.14159, 5.1e-7)]
    ['0', '1,234', '0.25', '3.142', '5.1e-07']
    """
    if not math.isfinite(value):
        return str(value)
    if value == int(value) and abs(value) < 1e6:
        return f"{int(value):,}"
    if 1e-3 <= abs(value) < 1e4:
        return f"{value:.4g}"
    return f"{value:.2g}"
