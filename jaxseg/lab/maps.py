"""Makes the heat maps of `jaxseg lab`.

The axes show image pixels, cells (positions of a feature map) or frequencies.
"""

from __future__ import annotations

import numpy as np

from jaxseg.viz import charts

PIXELS = {"x": charts.Axis("column [pixel]"), "y": charts.Axis("row [pixel]")}
CELLS = {"x": charts.Axis("column [cell]"), "y": charts.Axis("row [cell]")}


def effective_field_map(field: np.ndarray, *, title: str) -> charts.HeatMap:
    """Returns a heat map of an effective receptive field with a logarithmic scale.

    Args:
      field: The mean squared gradient of an output with respect to each pixel, [H, W].
      title: The title above the heat map.
    """
    scale = charts.Axis("mean squared gradient", log=True)
    return charts.HeatMap(field, scale, title=title, **PIXELS)


def path_map(rows: np.ndarray, columns: np.ndarray, *, title: str) -> charts.HeatMap:
    """Returns a heat map that shows how many paths lead from each cell to one output.

    A path leads through one kernel position of each layer. Cells without a path are
    gray.

    Args:
      rows: The number of paths for each row of the map, [n].
      columns: The number of paths for each column of the map, [m]. The number for a
        cell is the product of the numbers for its row and its column.
      title: The title above the heat map.
    """
    square = np.outer(rows, columns).astype(float)
    square[square == 0] = np.nan
    scale = charts.Axis("paths", limits=(0, None))
    return charts.HeatMap(square, scale, title=title, **CELLS)


def overlap_map(phases: tuple[int, ...]) -> charts.HeatMap:
    """Returns a heat map of how many kernels of a transposed convolution overlap.

    Args:
      phases: The number of kernels that overlap at each of the output pixels 0 to
        stride - 1 along one axis. This pattern repeats.
    """
    counts = np.tile(np.outer(phases, phases), (4, 4))
    scale = charts.Axis("overlapping kernels", limits=(0, None))
    return charts.HeatMap(counts, scale, **PIXELS)


def spectrum_map(power: np.ndarray, *, title: str) -> charts.HeatMap:
    """Returns a heat map of a power spectrum with a logarithmic scale.

    Args:
      power: The power by frequency, [H, W], with frequency zero in the middle.
      title: The title above the heat map.
    """
    return charts.HeatMap(
        power,
        charts.Axis("power", log=True),
        x=charts.Axis("horizontal frequency [1 / pixel]"),
        y=charts.Axis("vertical frequency [1 / pixel]"),
        title=title,
        extent=(-0.5, 0.5, 0.5, -0.5),
    )
