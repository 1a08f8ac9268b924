"""Describes the windows that together cover an image.

All windows of a grid have one size, so that one compiled program serves all of them.
They form a grid: each window is the intersection of a span (interval) of rows and a
span of columns. Each window has two boxes (rectangles), in pixels of the image:

- `read` is what the network sees. It may extend beyond the image. The code that reads
  the window fills the pixels outside.
- `keep` is the part for which the output of the window is used. It lies inside the
  image.

With the blending "center", the keep boxes are disjoint and cover the image, so that
each pixel is taken from exactly one window. With the other kinds of blending, keep
boxes may overlap, and the outputs of all windows over a pixel are averaged with the
weights that `jaxseg.inference.windows.blending` defines.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from typing import Literal, NamedTuple

from jaxseg.text import one_of
from jaxseg.typing import Size

Blend = Literal["uniform", "gaussian", "cosine", "center"]
BLENDS: tuple[Blend, ...] = ("uniform", "gaussian", "cosine", "center")


class Box(NamedTuple):
    """Describes a rectangle of pixels of an image.

    It contains the rows `top` to `bottom - 1` and the columns `left` to `right - 1`.

    Attributes:
      top: The first row.
      left: The first column.
      bottom: The row after the last one.
      right: The column after the last one.
    """

    top: int
    left: int
    bottom: int
    right: int

    @property
    def size(self) -> Size:
        """Returns the height and width of the box in pixels."""
        return self.bottom - self.top, self.right - self.left


class Span(NamedTuple):
    """Describes the rows, or the columns, that a window covers.

    Attributes:
      read: The first row (or column) that the network sees, and the one after the last.
      keep: The first row (or column) for which the output of the network is used, and
        the one after the last.
    """

    read: tuple[int, int]
    keep: tuple[int, int]


class Window(NamedTuple):
    """Describes a window of a grid by two boxes (rectangles of the image).

    Attributes:
      read: The box that the network sees. It may extend beyond the image.
      keep: The box for which the output of the network is used.
    """

    read: Box
    keep: Box


@dataclasses.dataclass(frozen=True)
class Grid:
    """Describes the windows that together cover an image.

    A window reads one box (rectangle) of the image, which is the input of the network,
    and keeps a box inside it, for which the output of the network is used.

    Attributes:
      size: The height and width of the image in pixels.
      window: The height and width of the box that each window reads.
      rows: The rows that windows read and keep, from top to bottom.
      columns: The columns that windows read and keep, from left to right.
      margin: The rows and columns by which the output of the network is smaller than
        its input, on each side.
      blend: How outputs are combined where the boxes that windows keep overlap.

    Raises:
      ValueError: If a window reads a box of another size than `window`, or keeps more
        than the output of the network. Also if the kept boxes do not cover the image,
        or overlap although `blend` is "center".
    """

    size: Size
    window: Size
    rows: tuple[Span, ...]
    columns: tuple[Span, ...]
    margin: Size = (0, 0)
    blend: Blend = "uniform"

    def __post_init__(self):
        axes = zip(
            self.size, self.window, self.margin, (self.rows, self.columns), strict=True
        )
        for length, window, margin, spans in axes:
            _check(spans, length=length, window=window, margin=margin)
            if self.blend == "center" and _overlap(spans):
                raise ValueError(
                    f"blend='center' is invalid for spans={spans}: expected spans "
                    "whose kept intervals do not overlap."
                )

    @property
    def output(self) -> Size:
        """Returns the height and width of the output of the network for a window."""
        height, width = (
            n - 2 * m for n, m in zip(self.window, self.margin, strict=True)
        )
        return height, width

    def __len__(self) -> int:
        return len(self.rows) * len(self.columns)

    def __iter__(self) -> Iterator[Window]:
        """Yields the windows row by row, each row from left to right."""
        for row in range(len(self.rows)):
            for column in range(len(self.columns)):
                yield self.window_at(row, column)

    def window_at(self, row: int, column: int) -> Window:
        """Returns the window in a row and a column of the grid.

        Args:
          row: The index in `rows` of the rows of the window.
          column: The index in `columns` of the columns of the window.
        """
        read, keep = (
            Box(rows[0], columns[0], rows[1], columns[1])
            for rows, columns in zip(self.rows[row], self.columns[column], strict=True)
        )
        return Window(read, keep)


def sliding_grid(
    size: Size,
    window: Size,
    *,
    stride: Size,
    output: Size | None = None,
    blend: Blend = "uniform",
) -> Grid:
    """Returns a grid of windows at equal steps.

    Only the last step may be smaller, so that the last windows end at the border.

    Args:
      size: The height and width of the image.
      window: The height and width of the windows.
      stride: The vertical and horizontal step between windows, at most `output`.
      output: The height and width of the output of the network for a window. It is
        smaller than the window, by an even number of pixels, for networks without
        padding. The default is the size of the window.
      blend: How the outputs of windows are combined where they overlap.

    Raises:
      ValueError: If a step is less than 1 or larger than the output, or if the blending
        is unknown.
    """
    if blend not in BLENDS:
        raise ValueError(f"blend={blend!r} is invalid{one_of(blend, BLENDS)}")
    output = window if output is None else output
    if any(not 1 <= step <= n for step, n in zip(stride, output, strict=True)):
        raise ValueError(
            f"stride={stride} is invalid: expected steps from 1 to {output}, the size "
            "of the output of a window."
        )
    margin = tuple((n - m) // 2 for n, m in zip(window, output, strict=True))
    rows, columns = (
        _spans(*axis, disjoint=blend == "center")
        for axis in zip(size, output, stride, margin, strict=True)
    )
    return Grid(size, window, rows=rows, columns=columns, margin=margin, blend=blend)


def window_starts(length: int, window: int, stride: int) -> list[int]:
    """Returns the index of the first row (or column) of each window along an axis.

    The windows cover `length` rows (or columns) at steps of `stride`. The last window
    is shifted so that it ends at the border.

    >>> window_starts(10, 4, 4)
    [0, 4, 6]
    """
    last = max(length - window, 0)
    count = -(-last // stride) + 1
    return [min(i * stride, last) for i in range(count)]


def _spans(
    length: int, output: int, stride: int, margin: int, *, disjoint: bool
) -> tuple[Span, ...]:
    starts = window_starts(length, output, stride)
    keeps = [(start, min(start + output, length)) for start in starts]
    if disjoint:  # Neighbors share the rows that both output equally.
        inner = [(a[1] + b[0]) // 2 for a, b in itertools.pairwise(keeps)]
        keeps = list(zip([0, *inner], [*inner, length], strict=True))
    return tuple(
        Span((start - margin, start + output + margin), keep)
        for start, keep in zip(starts, keeps, strict=True)
    )


def _check(spans: tuple[Span, ...], *, length: int, window: int, margin: int) -> None:
    if sorted(span.keep for span in spans) != [span.keep for span in spans]:
        raise ValueError(
            f"spans={spans} is invalid: expected windows in ascending order of the "
            "rows or columns that they keep."
        )
    end = 0
    for span in spans:
        (first, last), (start, stop) = span
        if last - first != window:
            raise ValueError(
                f"{span} is invalid: expected a read interval of {window} pixels, the "
                "size of a window."
            )
        if not first + margin <= start < stop <= last - margin or start > end:
            raise ValueError(
                f"{span} is invalid: expected `keep` to start at {end} or before, so "
                f"that there is no gap, and to lie at least {margin} pixels inside the "
                "read interval on each side."
            )
        end = max(end, stop)
    if end != length or spans[0].keep[0] != 0:
        raise ValueError(
            f"spans={spans} is invalid: expected windows whose kept pixels together "
            f"cover 0 to {length}, the whole side of the image."
        )


def _overlap(spans: tuple[Span, ...]) -> bool:
    return any(a.keep[1] > b.keep[0] for a, b in itertools.pairwise(spans))
