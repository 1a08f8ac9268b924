"""Recognizes matrix products that resize one axis of a map."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from jaxseg.analysis.regions.arrays import Span, Value

_NARROW = 8  # A band is at most this share of the axis: one eighth.


class Band(NamedTuple):
    """Describes a constant matrix, each row of which has few entries that are not 0.

    A product with such a matrix is not a sum over the whole image.

    Attributes:
      side: Which operand of the product the matrix is, 0 or 1.
      first: The first position that each result reads.
      last: The position after the last one.
    """

    side: int
    first: np.ndarray
    last: np.ndarray

    def interval(self, span: Span) -> Span:
        """Returns the positions that an interval of results reads."""
        starts = np.atleast_1d(span.start)
        rows = starts[:, None] + np.arange(span.length)
        low, high = self.first[rows].min(1), self.last[rows].max(1)
        length = int((high - low).max())
        start = np.minimum(low, self.last.max() - length)
        if span.axis is None:
            return Span(None, int(start[0]), length, span.live)
        return Span(span.axis, start, length, span.live)


def band_of(operands: list[Value], numbers) -> Band | None:
    """Returns the band of the constant operand of a matrix product.

    Args:
      operands: The two operands.
      numbers: The dimension numbers of `lax.dot_general`.

    Returns:
      The band, or None if no operand is a constant matrix with a narrow band.
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
