"""Makes the heat maps of `jaxseg lab`, with axes in cells, pixels or frequencies."""

from __future__ import annotations

import numpy as np

from jaxseg.viz import charts

PIXELS = {"x": charts.Axis("column [pixel]"), "y": charts.Axis("row [pixel]")}
CELLS = {"x": charts.Axis("column [cell]"), "y": charts.Axis("row [cell]")}


def effective_field_map(field: np.ndarray, *, title: str) -> charts.HeatMap:
    """Returns the chart of an effective receptive field with a logarithmic scale.

    Args:
      field: The mean squared gradient of an output with respect to each pixel, [H, W].
      title: The title.
    """
    scale = charts.Axis("mean squared gradient", log=True)
    return charts.HeatMap(field, scale, title=title, **PIXELS)


def path_map(paths: np.ndarray, *, title: str) -> charts.HeatMap:
    """Returns the chart of the numbers of paths from each input cell to one output.

    Args:
      paths: The numbers of paths along one dimension, [n]. Cells without a path are
        gray.
      title: The title.
    """
    square = np.outer(paths, paths).astype(float)
    square[square == 0] = np.nan
    scale = charts.Axis("paths", limits=(0, None))
    return charts.HeatMap(square, scale, title=title, **CELLS)


def overlap_map(phases: tuple[int, ...]) -> charts.HeatMap:
    """Returns the chart of how many kernels of a transposed convolution overlap.

    Args:
      phases: The numbers of overlapping kernels at each phase of one dimension.
    """
    counts = np.tile(np.outer(phases, phases), (4, 4))
    scale = charts.Axis("overlapping kernels", limits=(0, None))
    return charts.HeatMap(counts, scale, **PIXELS)


def spectrum_map(power: np.ndarray, *, title: str) -> charts.HeatMap:
    """Returns the chart of a power spectrum with a logarithmic scale.

    Args:
      power: The power by frequency, [H, W], with frequency zero in the middle.
      title: The title.
    """
    return charts.HeatMap(
        power,
        charts.Axis("power", log=True),
        x=charts.Axis("horizontal frequency [1 / pixel]"),
        y=charts.Axis("vertical frequency [1 / pixel]"),
        title=title,
        extent=(-0.5, 0.5, 0.5, -0.5),
    )
