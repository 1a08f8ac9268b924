"""Arranges charts in a figure and encodes it as PNG or SVG."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from PIL import Image

from jaxseg.viz.charts.style import STYLE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_DRAWING = threading.RLock()
LEGEND_COLUMN = 1.2  # The least width of a column of the legend in inches.


class Chart(Protocol):
    """A protocol for charts: objects that draw themselves into axes of matplotlib."""

    def draw(self, axes: Axes) -> None:
        """Draws the chart into axes of matplotlib.

        Drawn objects (artists of matplotlib) that have a label appear in the legend.
        """


@dataclasses.dataclass(frozen=True)
class Layout:
    """Describes how a figure arranges its charts.

    Attributes:
      columns: The number of charts in a row of the figure.
      width: The width of a chart in inches. An inch has 144 pixels.
      height: The height of a chart in inches.
      title: The title above all charts.
    """

    columns: int = 1
    width: float = 6.0
    height: float = 3.6
    title: str = ""

    @classmethod
    def of_rows(cls, count: int, *, width: float = 6.0) -> Layout:
        """Returns a layout that is high enough for a chart of `count` named rows."""
        return cls(width=width, height=1.2 + 0.3 * count)


DEFAULT = Layout()


@contextlib.contextmanager
def styled() -> Iterator[None]:
    """Applies the style of the charts to matplotlib inside a `with` block.

    The user's own settings of matplotlib have no effect inside the block. Since the
    settings of matplotlib are global in a process, only one thread at a time can be
    inside the block. Other threads wait.
    """
    import matplotlib.style

    with _DRAWING, matplotlib.style.context(["default", STYLE]):
        yield


def figure(charts: Chart | Sequence[Chart], layout: Layout = DEFAULT) -> Figure:
    """Draws one or several charts into a figure of matplotlib.

    The legend is below the charts if all of them show the same series. Otherwise each
    chart has its own legend on the right.

    Args:
      charts: The charts, row by row.
      layout: How the charts are arranged.

    Raises:
      ValueError: If there is no chart.
    """
    charts = list(charts) if isinstance(charts, Sequence) else [charts]
    if not charts:
        raise ValueError("charts=[] is invalid: expected at least one chart.")
    columns = min(layout.columns, len(charts))
    rows = -(-len(charts) // columns)
    with styled():
        from matplotlib.figure import Figure

        size = (columns * layout.width, rows * layout.height)
        drawn = Figure(figsize=size, layout="constrained")
        grid = drawn.subplots(rows, columns, squeeze=False).ravel()
        for chart, axes in zip(charts, grid, strict=False):
            chart.draw(axes)
        for axes in grid[len(charts) :]:
            axes.remove()
        if layout.title:
            drawn.suptitle(layout.title, x=0.01, ha="left")
        _add_legend(drawn, grid[: len(charts)])
    return drawn


def _add_legend(drawn: Figure, grid: Sequence[Any]) -> None:
    """Adds one legend below the charts, or a legend to each chart if they differ."""
    entries: dict[str, Any] = {}
    every = []
    for axes in grid:
        handles, labels = axes.get_legend_handles_labels()
        every.append(dict(zip(labels, handles, strict=True)))
    for found in sorted(every, key=len, reverse=True):
        entries = entries or found
    if not entries:
        return
    if not all(found.keys() <= entries.keys() for found in every):
        for axes, found in zip(grid, every, strict=True):
            if found:
                axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1))
        return
    longest = max(map(len, entries))
    wide = max(LEGEND_COLUMN, 0.6 + 0.075 * longest)
    columns = max(1, min(len(entries), int(drawn.get_figwidth() / wide)))
    drawn.legend(
        list(entries.values()),
        list(entries),
        loc="outside lower center",
        ncols=columns,
    )


def png(charts: Chart | Sequence[Chart], layout: Layout = DEFAULT) -> bytes:
    """Draws one or several charts as a PNG file.

    The same charts give the same bytes with the same version of matplotlib.

    Args:
      charts: The charts, row by row.
      layout: How the charts are arranged.

    Returns:
      The bytes of the file.
    """
    buffer = io.BytesIO()
    picture = Image.fromarray(pixels(charts, layout))
    resolution = (STYLE["figure.dpi"],) * 2
    picture.save(buffer, "PNG", optimize=True, dpi=resolution)
    return buffer.getvalue()


def pixels(charts: Chart | Sequence[Chart], layout: Layout = DEFAULT) -> np.ndarray:
    """Draws one or several charts as an image, uint8 [H, W, 3].

    Args:
      charts: The charts, row by row.
      layout: How the charts are arranged.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    drawn = figure(charts, layout)
    with styled():
        canvas = FigureCanvasAgg(drawn)
        canvas.draw()
        return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def svg(charts: Chart | Sequence[Chart], layout: Layout = DEFAULT) -> bytes:
    """Draws one or several charts as an SVG file.

    The same charts give the same bytes with the same version of matplotlib.

    Args:
      charts: The charts, row by row.
      layout: How the charts are arranged.

    Returns:
      The bytes of the file.
    """
    buffer, drawn = io.BytesIO(), figure(charts, layout)
    with styled():
        nothing = {"Date": None, "Creator": None}
        drawn.savefig(buffer, format="svg", metadata=nothing)
    return buffer.getvalue()
