"""Recognizes matrix products that resize one axis of a feature map.

Such a product multiplies the map by a constant interpolation matrix. Each row of this
matrix has few entries that are not 0, and they are next to each other.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from jaxseg.analysis.regions.arrays import Span, Value

_NARROW = 8  # A band is at most this share of the axis: one eighth.


class Band(NamedTuple):
    """Describes the nonzero entries of a constant matrix that resizes an axis of a map.

    A product with the matrix reads only few positions of the other operand for each
    position of the result, so that it can be computed in tiles.

    Attributes:
      side: The index of the matrix among the operands of the product, 0 or 1.
      first: The column of the first nonzero entry in each row of the matrix.
      last: The column after the last nonzero entry in each row.
    """

    side: int
    first: np.ndarray
    last: np.ndarray

    def interval(self, span: Span) -> Span:
        """Returns which interval of the original map a part of the resized map needs.

        Both intervals are along the axis that is resized.

        Args:
          span: The interval of the resized map.

        Returns:
          The interval of the original map, a `Span`.
        """
        starts = np.atleast_1d(span.start)
        rows = starts[:, None] + np.arange(span.length)
        low, high = self.first[rows].min(1), self.last[rows].max(1)
        length = int((high - low).max())
        start = np.minimum(low, self.last.max() - length)
        if span.axis is None:
            return Span(None, int(start[0]), length, span.live)
        return Span(span.axis, start, length, span.live)


def band_of(operands: list[Value], numbers) -> Band | None:
    """Finds a constant matrix with few nonzero entries in a matrix product.

    Args:
      operands: The two operands of the product.
      numbers: The dimension numbers of `lax.dot_general`.

    Returns:
      A `Band`: which operand is the matrix, and the interval of nonzero entries in each
      of its rows. None if neither operand is a constant matrix, or if such an interval
      takes up more than an eighth of a row.
    """
    contracted, batch = numbers
    if batch[0] or len(contracted[0]) != 1:
        return None
    for side, value in enumerate(operands):
        if value.known is None or value.known.ndim != 2 or len(value.lines) != 2:
            continue
        used = np.moveaxis(value.known, contracted[side][0], 1) != 0
        first = used.argmax(1)
        last = used.shape[1] - used[:, ::-1].argmax(1)
        if used.any(1).all() and (last - first).max() * _NARROW <= used.shape[1]:
            return Band(side, first, last)
    return None
