"""Builds the program that computes the result of a network for one tile of an image."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxseg.analysis.regions.arrays import Span, Value, full
from jaxseg.analysis.regions.graph import Graph
from jaxseg.analysis.regions.tiles import Tiles
from jaxseg.analysis.regions.windows import Parts, Windows, assign
from jaxseg.inference.exact.boxes import Tile, fetch
from jaxseg.inference.exact.operations import Step, run


@dataclasses.dataclass(frozen=True, eq=False)
class TileProgram:
    """Computes arrays of a network, such as its logits, for one tile of an image.

    Attributes:
      graph: The operations of the network.
      roots: A dictionary whose keys are the arrays to compute. Each value is the part
        that a tile computes, a list of intervals along the axes of the array.
      tiles: The number of rows of tiles and the number of columns of tiles.
      given: The arrays that earlier passes over the image have computed. Their contents
        are an argument of the program.
    """

    graph: Graph
    roots: Windows
    tiles: Tiles
    given: tuple[Value, ...] = ()

    def __post_init__(self):
        parts = assign(self.graph.nodes, self.roots, self.tiles, set(self.given))
        object.__setattr__(self, "parts", parts)

    parts: Parts = dataclasses.field(init=False)

    @property
    def windows(self) -> Windows:
        """Returns the part of each array of the network that a tile needs.

        The result is a dictionary whose keys are the arrays. Each value is the list of
        the intervals along the axes of the array.
        """
        return self.parts.windows

    @property
    def read(self) -> tuple[Span, Span]:
        """Returns the interval of rows and that of columns that each tile reads."""
        image = self.graph.inputs[0]
        spans = self.windows.get(image, [full(line.size) for line in image.lines])
        found = {line.axis: span for line, span in zip(image.lines, spans, strict=True)}
        rows, columns = (found.get(axis, full(1)) for axis in ("rows", "columns"))
        return rows, columns

    def __call__(self, pixels, rest: list, given: list, row, column) -> list[jax.Array]:
        """Computes the arrays in `roots` for one tile.

        Args:
          pixels: The part of the image that the tile reads, [1, h, w, C].
          rest: The arguments of the network after the image, such as weights.
          given: The contents of the arrays in the attribute `given`.
          row: The row of the tile in the grid of tiles, an integer scalar.
          column: The column of the tile in the grid of tiles, an integer scalar.

        Returns:
          A list of arrays: the part of each array in `roots` that the tile computes.
        """
        tile, image = Tile(row, column), self.graph.inputs[0]
        stored: dict[Value, Any] = {}
        if image in self.windows:
            shape = [span.length for span in self.windows[image]]
            stored[image] = pixels.reshape(shape)
        for value, x in zip(self.graph.inputs[1:], rest, strict=True):
            stored[value] = _part(tile, _lines(x, value), self.windows.get(value))
        for value, x in zip(self.given, given, strict=True):
            stored[value] = _part(tile, _lines(x, value), self.windows.get(value))
        for node in self.graph.nodes:
            wanted = [None if v in stored else self.windows.get(v) for v in node.outs]
            if all(spans is None for spans in wanted):
                continue
            have = [self.windows[value] for value in node.ins]
            step = Step(node, have, wanted, self.parts.idle[node], tile, self.tiles)
            xs = [self._operand(tile, stored, value) for value in node.ins]
            found = run(step, xs)
            stored |= {
                value: x
                for value, spans, x in zip(node.outs, wanted, found, strict=True)
                if spans is not None
            }
        return [stored[value] for value in self.roots]

    def _operand(self, tile, stored, value):
        if value in stored:
            return stored[value]
        return _constant(tile, value.known, self.windows[value])


def _lines(x, value: Value):
    return jnp.reshape(x, [line.size for line in value.lines])


def _part(tile, x, spans: list[Span] | None):
    if spans is None:
        return x
    return fetch(tile, x, [full(size) for size in x.shape], spans)


def _constant(tile, array: np.ndarray, spans: list[Span]):
    """Returns a part of a constant array.

    Along axes on which the array is constant, the program stores a single entry.
    """
    array = np.asarray(array)
    index = tuple(
        slice(0, 1) if stride == 0 else slice(None)
        for stride, size in zip(array.strides, array.shape, strict=True)
        if size != 1
    )
    array = array.reshape([n for n in array.shape if n != 1]) if array.size else array
    short = array[index] if any(array.strides) or array.ndim else array
    short = np.ascontiguousarray(short) if array.ndim else array
    have = [full(n) for n in short.shape]
    want = [
        full(1) if n == 1 else span for n, span in zip(short.shape, spans, strict=True)
    ]
    x = fetch(tile, jnp.asarray(short), have, want)
    return jnp.broadcast_to(x, [span.length for span in spans])
