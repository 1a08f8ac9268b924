"""Computes a network for a large image in tiles, exactly.

The result is that of the network for the whole image, up to rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxseg.analysis.jaxpr.memory import peak_memory
from jaxseg.analysis.regions.arrays import full
from jaxseg.analysis.regions.graph import Graph, trace
from jaxseg.analysis.regions.tiling import cuts, halo, tiling
from jaxseg.inference.exact.grid import (
    TileGrid,
    default_window,
    extra_arithmetic,
    fitting_grid,
    smaller,
)
from jaxseg.inference.exact.limits import check_halo, check_operations
from jaxseg.inference.exact.options import ExactOptions, TileCost
from jaxseg.inference.exact.program import TileProgram

# Returns the rows and columns [top, left, height, width] of the image, [1, h, w, C].
Read = Callable[[int, int, int, int], np.ndarray]
Finish = Callable[[jax.Array], tuple[jax.Array, ...]]


class Strip(NamedTuple):
    """Contains the result for some consecutive rows of the image.

    Attributes:
      first: The index of the first of these rows in the image.
      parts: The arrays [rows, W, ...] that the argument `finish` of
        `TiledNetwork.strips` returns, for example the classes.
    """

    first: int
    parts: tuple[np.ndarray, ...]


def _halo(
    graph: Graph,
    image: jax.ShapeDtypeStruct,
    traced: Callable[[jax.ShapeDtypeStruct], Graph],
    *,
    most: int,
) -> int | None:
    """Returns how many pixels a tile of a large image reads beyond its own pixels.

    A tile of a small image may read up to its border. Then the network is traced for
    larger images too. The result is None if tiles read up to the border of all of them.
    """
    found = halo(graph)
    for side in (1024, 2 * most + 256):
        if found is None and side > max(image.shape[1:3]):
            shape = (1, side, side, image.shape[3])
            found = halo(traced(jax.ShapeDtypeStruct(shape, image.dtype)))
    return found


class TiledNetwork:
    """Computes a network for images of one size in tiles.

    The result is that of the network for the whole image, up to rounding.
    """

    def __init__(
        self,
        network: Callable,
        variables: Any,
        shape: tuple[int, ...],
        dtype: Any,
        *,
        options: ExactOptions = ExactOptions(),  # noqa: B008
    ) -> None:
        """Traces the network and chooses the tiles, without computing anything.

        Args:
          network: Maps (variables, pixels [1, H, W, C]) to logits [1, H, W, K].
          variables: The variables of the network: arrays, or objects with a shape and a
            type, such as `jax.ShapeDtypeStruct`.
          shape: The shape of the image, [1, H, W, C].
          dtype: The type of the pixels.
          options: The size of the tiles, and the limits of what they may read.

        Raises:
          ValueError: If the network cannot be computed exactly in tiles within the
            limits.
        """
        leaves, tree = jax.tree.flatten(variables)
        image = jax.ShapeDtypeStruct(shape, dtype)
        unflat = lambda pixels, *rest: network(jax.tree.unflatten(tree, rest), pixels)
        traced = lambda image: trace(unflat, image, *leaves)
        self.graph: Graph = traced(image)
        self.size, self._leaves = (shape[1], shape[2]), leaves
        found = tiling(self.graph)
        check_operations(found.operations, options.max_passes)
        self.passes = found.passes
        self.halo = _halo(self.graph, image, traced, most=options.max_halo)
        window = options.window or default_window(self.halo, self.size)
        self.grid: TileGrid = (
            fitting_grid(self.graph, self.size, window)
            if options.tile is None
            else TileGrid(self.size, smaller(options.tile, self.size))
        )
        if self.grid.counts.rows * self.grid.counts.columns > 1:
            check_halo(self.halo, size=self.size, most=options.max_halo)
        self.programs = list(self._programs())
        self._collectors = [jax.jit(program.__call__) for program in self.programs[:-1]]
        self._finishers: dict[Finish, Callable] = {}

    def _programs(self) -> Iterator[TileProgram]:
        given = ()
        for level in range(1, self.passes):
            chosen = [
                n for n in self.graph.nodes if n.outs[0] in cuts(self.graph, level)
            ]
            roots = {
                value: [full(line.size) for line in value.lines]
                for value in (node.outs[0] for node in chosen)
            }
            yield TileProgram(self.graph, roots, self.grid.counts, given)
            given += tuple(roots)
        yield TileProgram(
            self.graph, self.grid.roots(self.graph), self.grid.counts, given
        )

    @property
    def cost(self) -> TileCost:
        """Returns the cost of the tiles, such as their memory, as a `TileCost`."""
        count = self.grid.counts.rows * self.grid.counts.columns
        read = [[span.length for span in program.read] for program in self.programs]
        pixels = sum(h * w for h, w in read) * count / (self.size[0] * self.size[1])
        return TileCost(
            self.grid.tile,
            window=(read[-1][0], read[-1][1]),
            tiles=count,
            halo=self.halo,
            passes=self.passes,
            memory=max(self._memory(program) for program in self.programs),
            pixels=pixels,
            arithmetic=extra_arithmetic(self.graph, self.programs),
        )

    def _memory(self, program: TileProgram) -> int:
        """Estimates the memory in bytes that a program needs, without running it."""
        rows, columns = program.read
        image = self.graph.inputs[0]
        sides = (1, rows.length, columns.length, image.shape[3])
        pixels = jax.ShapeDtypeStruct(sides, image.dtype)
        given = [jax.ShapeDtypeStruct(v.shape, v.dtype) for v in program.given]
        index = jax.ShapeDtypeStruct((), np.int32)
        found = peak_memory(program, pixels, self._leaves, given, index, index)
        return found.peak + found.arguments

    def strips(
        self,
        read: Read,
        finish: Finish,
        *,
        start: int = 0,
    ) -> Iterator[Strip]:
        """Computes the result from top to bottom, one row of tiles at a time.

        Args:
          read: A function of (top, left, height, width) that returns these pixels of
            the image, [1, height, width, C].
          finish: Maps the logits [1, h, w, K] of a tile to the arrays [1, h, w, ...]
            that are returned, for example to its classes. A program is compiled for
            each function, so pass the same function for all images.
          start: The number of rows at the top of the image that are not needed. Rows
            of tiles that contain no other rows are skipped.

        Yields:
          A `Strip` for each row of tiles: the number of its first pixel row, and the
          arrays [rows, W, ...] that `finish` returns for it.
        """
        given: list = []
        for program, run in zip(self.programs, self._collectors, strict=False):
            given += self._collect(program, run, read, given)
        program = self.programs[-1]
        if finish not in self._finishers:
            self._finishers[finish] = self._compiled(finish)
        run = self._finishers[finish]
        rows, columns = self.grid.kept(0), self.grid.kept(1)
        for i, (top, bottom) in enumerate(rows):
            if bottom <= start:
                continue
            pieces = []
            for j, (left, right) in enumerate(columns):
                found = run(_window(program, read, i, j), self._leaves, given, i, j)
                y, x = self.grid.starts(0)[i], self.grid.starts(1)[j]
                keep = np.s_[0, top - y : bottom - y, left - x : right - x]
                pieces.append([np.asarray(part)[keep] for part in found])
            parts = (np.concatenate(row, 1) for row in zip(*pieces, strict=True))
            yield Strip(top, tuple(parts))

    def _compiled(self, finish: Finish) -> Callable:
        """Returns the compiled program that computes a tile in the last pass."""

        def last(pixels, leaves, given, row, column):
            (logits,) = self.programs[-1](pixels, leaves, given, row, column)
            return finish(logits.reshape(1, *self.grid.tile, -1))

        return jax.jit(last)

    def _collect(self, program, run, read, given) -> list[np.ndarray]:
        """Adds the partial results of all tiles in one pass, or takes their maximum."""
        nodes = {n.outs[0]: n.params for n in self.graph.nodes if n.cut}
        kinds = [nodes[value] for value in program.roots]
        totals = None
        for i in range(program.tiles.rows):
            for j in range(program.tiles.columns):
                found = run(_window(program, read, i, j), self._leaves, given, i, j)
                found = [np.asarray(x, np.float64) for x in found]
                if totals is None:
                    totals = found
                    continue
                index = {"rows": i, "columns": j}
                totals = [
                    _combined(total, x, kind, index)
                    for total, x, kind in zip(totals, found, kinds, strict=True)
                ]
        types = [value.dtype for value in program.roots]
        return [x.astype(t) for x, t in zip(totals or [], types, strict=True)]


def _window(program: TileProgram, read: Read, row: int, column: int) -> np.ndarray:
    """Reads the part of the image that a tile needs."""
    rows, columns = program.read
    top = int(np.broadcast_to(rows.start, program.tiles.rows)[row])
    left = int(np.broadcast_to(columns.start, program.tiles.columns)[column])
    return read(top, left, rows.length, columns.length)


def _combined(total, x, kind, index):
    """Adds the partial result of a tile to that of all earlier tiles.

    For a maximum or minimum, it takes that of both.
    """
    other = [axis for axis in index if axis not in kind["axes_of_image"]]
    if any(index[axis] for axis in other):
        return total  # Each tile along this axis computes the same.
    if kind["combine"] == "sum":
        return total + x
    return (np.maximum if kind["combine"] == "max" else np.minimum)(total, x)
