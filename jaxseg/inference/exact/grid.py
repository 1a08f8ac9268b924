"""Divides an image into tiles for exact prediction."""

from __future__ import annotations

import dataclasses

import numpy as np

from jaxseg.analysis.regions.arrays import Value
from jaxseg.analysis.regions.graph import Graph
from jaxseg.analysis.regions.tiles import Tiles
from jaxseg.analysis.regions.tiling import arithmetic, cuts
from jaxseg.analysis.regions.windows import Windows, tile_spans
from jaxseg.inference.exact.program import TileProgram
from jaxseg.typing import Size

# Sides of tiles are multiples of the first of these numbers that is not larger. Tiles
# read fewer pixels if the output stride of the network divides their sides, but larger
# tiles fit into a window without this condition. The cheaper choice is taken.
STEPS = ((32, 8, 1), (8, 1))
SIDE = 32  # The window that is chosen without an option is a multiple of this.
LEAST = 1024  # The smallest window that is chosen without an option, in pixels.


@dataclasses.dataclass(frozen=True)
class TileGrid:
    """Describes tiles of one size that cover an image.

    Attributes:
      size: The height and width of the image.
      tile: The height and width of a tile. The last tile of a row or column is shifted
        to end at the border of the image, so that it overlaps its neighbor.
    """

    size: Size
    tile: Size

    @property
    def counts(self) -> Tiles:
        """Returns the number of rows of tiles and the number of columns of tiles."""
        return Tiles(*(len(self.starts(axis)) for axis in (0, 1)))

    def starts(self, axis: int) -> np.ndarray:
        """Returns the first pixel row of each row of tiles, as an array of integers.

        Args:
          axis: 0 for rows. With 1, the function returns the first pixel column of each
            column of tiles.
        """
        size, tile = self.size[axis], self.tile[axis]
        return np.minimum(np.arange(0, size, tile), size - tile)

    def kept(self, axis: int) -> list[tuple[int, int]]:
        """Returns the pixel rows that are taken from each row of tiles.

        Each item is (first row, row after the last one). Pixel rows that two rows of
        tiles contain are taken from the upper one only.

        Args:
          axis: 0 for rows. With 1, the function returns the pixel columns that are
            taken from each column of tiles.
        """
        size, tile = self.size[axis], self.tile[axis]
        return [(i, min(i + tile, size)) for i in range(0, size, tile)]

    def roots(self, graph: Graph) -> Windows:
        """Returns the part of the network's output that each tile computes.

        The result is a dictionary with one entry. Its key is the output, and its value
        is the list of the intervals along the axes of the output.

        Args:
          graph: The operations of the network.
        """
        spans = {
            name: (self.starts(axis), self.tile[axis])
            for axis, name in enumerate(("rows", "columns"))
        }
        return {graph.output: tile_spans(graph.output, spans)}


def fitting_grid(graph: Graph, size: Size, window: Size) -> TileGrid:
    """Returns a grid of the largest tiles that read at most `window` pixels.

    Args:
      graph: The operations of the network for an image of this size.
      size: The height and width of the image.
      window: The largest height and width of the part of the image that a tile reads.

    Raises:
      ValueError: If the window is too small for any tile.
    """
    given = tuple(cuts(graph))
    found = [_fitting(graph, size, window, given, steps) for steps in STEPS]
    if None in found:
        smallest = _program(graph, TileGrid(size, (1, 1)), given)
        need = tuple(span.length for span in smallest.read)
        raise ValueError(
            f"window={tuple(window)} is invalid with mode='exact': expected at least "
            f"{need} pixels (height, width), which the smallest tile of an image of "
            f"{size[0]} x {size[1]} pixels reads."
        )
    return min(found, key=lambda one: extra_arithmetic(graph, [one.program])).grid


@dataclasses.dataclass(frozen=True)
class _Candidate:
    """Contains tiles that read at most a window, and the program that computes one."""

    grid: TileGrid
    program: TileProgram


def _fitting(graph, size, window, given, steps) -> _Candidate | None:
    """Returns tiles that read at most a window and whose sides are multiples of a step.

    Returns None if even tiles of one pixel read more than the window.
    """
    tile = smaller(size, window)
    while True:
        grid = TileGrid(size, tile)
        program = _program(graph, grid, given)
        over = [s.length - w for s, w in zip(program.read, window, strict=True)]
        if max(over) <= 0:
            sides = zip(size, tile, strict=True)
            height, width = (_balanced(*side, steps[0]) for side in sides)
            even = TileGrid(size, (height, width))
            smaller_program = _program(graph, even, given)
            if all(
                s.length <= w for s, w in zip(smaller_program.read, window, strict=True)
            ):
                return _Candidate(even, smaller_program)
            return _Candidate(grid, program)
        if any(o > 0 and t == 1 for t, o in zip(tile, over, strict=True)):
            return None
        height, width = (_reduced(*one, steps) for one in zip(tile, over, strict=True))
        tile = height, width


def _balanced(size: int, tile: int, step: int) -> int:
    """Returns the smallest tile side that does not increase the number of tiles."""
    count = -(-size // tile)
    return min(tile, -(-size // (count * step)) * step)


def _reduced(tile: int, over: int, steps: tuple[int, ...]) -> int:
    """Returns a smaller side for a tile that reads `over` pixels too many."""
    if over <= 0:
        return tile
    side = tile - over if tile > over else tile // 2
    step = next(step for step in steps if step <= side)
    return side // step * step


def _program(graph: Graph, grid: TileGrid, given: tuple[Value, ...]) -> TileProgram:
    return TileProgram(graph, grid.roots(graph), grid.counts, given)


def default_window(halo: int | None, size: Size) -> Size:
    """Returns the default of the option `window`, as a height and a width in pixels.

    The window is the largest part of the image that a tile reads: its own pixels and
    the pixels beyond them, its halo. By default the halo takes up at most half of the
    height and half of the width of the window.

    Args:
      halo: The number of pixels that a tile reads beyond its own pixels on each side.
        None for tiles that read the whole image.
      size: The height and width of the image.
    """
    if halo is None:
        return size
    side = max(LEAST, 4 * halo)
    side = -(-side // SIDE) * SIDE
    return smaller((side, side), size)


def smaller(a: Size, b: Size) -> Size:
    """Returns (the smaller height, the smaller width) of two sizes."""
    return min(a[0], b[0]), min(a[1], b[1])


def extra_arithmetic(graph: Graph, programs: list[TileProgram]) -> float:
    """Returns the factor by which tiles increase the number of multiplications.

    This factor is the number for all tiles and passes, divided by the number for the
    whole image at once.

    Args:
      graph: The operations of the network.
      programs: For each pass over the image, the program that computes a tile.
    """
    total = sum(
        arithmetic(graph, program.windows) * program.tiles.rows * program.tiles.columns
        for program in programs
    )
    return total / max(1, arithmetic(graph))
