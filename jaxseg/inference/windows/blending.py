"""Defines the weights with which the outputs of overlapping windows are averaged.

The weight of a pixel is the product of a weight for its row and a weight for its column
in the window:

- "uniform": all weights are 1.
- "gaussian": a Gaussian around the center of the window, whose standard deviation is an
  eighth of the side, as in nnU-Net (Isensee et al., arXiv 1809.10486).
- "cosine": a raised cosine (Hann window), which falls to almost 0 at the border. With
  steps of half a window, the weights of all windows over a pixel have a constant sum.
- "center": each pixel is taken from one window only, so all weights are 1.
"""

from __future__ import annotations

import numpy as np

from jaxseg.inference.windows.grid import Blend, Grid, Span
from jaxseg.typing import Size


def profile(blend: Blend, length: int) -> np.ndarray:
    """Returns the weights of the rows (or the columns) of one window.

    Args:
      blend: "uniform", "gaussian", "cosine" or "center".
      length: The number of rows (or columns).

    Returns:
      Positive weights, float32 [length].
    """
    center = np.arange(length) + 0.5
    if blend == "gaussian":
        weights = np.exp(-0.5 * ((center - length / 2) / (length / 8)) ** 2)
    elif blend == "cosine":
        weights = np.sin(np.pi * center / length) ** 2
    else:
        weights = np.ones(length)
    return weights.astype(np.float32)


def span_weights(grid: Grid, axis: int) -> np.ndarray:
    """Returns the weights of the rows, or of the columns, of all windows of a grid.

    Rows and columns of a window's output that are not used have the weight 0.

    Args:
      grid: The windows of the image.
      axis: 0 for the rows, 1 for the columns.

    Returns:
      float32 [n, length], where n is the number of rows (or columns) of windows in the
      grid, and `length` is the height (or width) of the output for one window.
    """
    spans, margin = (grid.rows, grid.columns)[axis], grid.margin[axis]
    weights = np.zeros((len(spans), grid.output[axis]), np.float32)
    full = profile(grid.blend, grid.output[axis])
    for row, span in zip(weights, spans, strict=True):
        kept = _kept(span, margin)
        row[kept] = full[kept]
    return weights


def totals(grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Sums the weights of all windows for each row and for each column of the image.

    The sum of the weights of all windows over a pixel is the product of the sum for its
    row and the sum for its column.

    Args:
      grid: The windows of the image.

    Returns:
      The sums for the rows, float32 [H], and those for the columns, float32 [W].
    """
    sums = []
    for axis, length in enumerate(grid.size):
        total = np.zeros(length, np.float32)
        weights = span_weights(grid, axis)
        for row, span in zip(weights, (grid.rows, grid.columns)[axis], strict=True):
            total[slice(*span.keep)] += row[_kept(span, grid.margin[axis])]
        sums.append(total)
    return sums[0], sums[1]


def kept_output(grid: Grid, rows: Span, columns: Span) -> tuple[slice, slice]:
    """Returns which rows and columns of a window's output are used, as two slices.

    Args:
      grid: The windows of the image.
      rows: The rows of the image that the window reads and keeps.
      columns: The columns of the image that the window reads and keeps.
    """
    margin: Size = grid.margin
    return _kept(rows, margin[0]), _kept(columns, margin[1])


def _kept(span: Span, margin: int) -> slice:
    first = span.read[0] + margin
    return slice(span.keep[0] - first, span.keep[1] - first)
