"""Says whether a network can be computed in tiles, and what that costs.

A network without a global operation can be computed in tiles exactly: each tile reads
its pixels and a border of `halo` pixels around them. A global operation combines values
from the whole height or width of the image, as global pooling does. If the results of
all global operations can be combined from partial results of tiles, the network can be
computed exactly in several passes. Any other network can be computed in tiles only
approximately.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Literal

import numpy as np

from jaxseg.analysis.regions.arrays import Node, Span, Value, full
from jaxseg.analysis.regions.graph import Graph
from jaxseg.analysis.regions.reductions import GlobalOperation, global_operations
from jaxseg.analysis.regions.tiles import Tiles
from jaxseg.analysis.regions.windows import Windows, assign, tile_spans

Kind = Literal["exact", "two-pass", "approximate"]
_CENTER = 32  # The height and width in pixels of the tile whose halo is measured.


@dataclasses.dataclass(frozen=True)
class Tiling:
    """Describes how a network can be computed in tiles.

    Attributes:
      kind: "exact", "two-pass" (exact in two or more passes over the image), or
        "approximate".
      passes: The number of passes over the image; 0 for "approximate".
      halo: The number of pixels that a tile in the middle of the image reads beyond its
        own pixels, on the side where this number is largest. None if the tile reads
        up to a border of the image, or if `kind` is "approximate".
      operations: The global operations of the network, such as global pooling.
    """

    kind: Kind
    passes: int
    halo: int | None
    operations: tuple[GlobalOperation, ...]


def tiling(graph: Graph) -> Tiling:
    """Determines whether and how a network can be computed in tiles.

    Args:
      graph: The operations of a network that maps an image to a map of any size.

    Returns:
      A `Tiling`: the kind of tiling, the number of passes over the image, the border
      (halo) around a tile for the image size with which the network was traced, and the
      global operations, such as global pooling.
    """
    found = global_operations(graph.nodes)
    if not all(operation.exact for operation in found):
        return Tiling("approximate", 0, None, tuple(found))
    passes = 1 + max((operation.level for operation in found), default=0)
    kind = "exact" if passes == 1 else "two-pass"
    return Tiling(kind, passes, halo(graph), tuple(found))


def halo(graph: Graph) -> int | None:
    """Returns how far a tile in the middle of the image reads beyond its own pixels.

    Args:
      graph: The operations of a network whose result has the size of the image.

    Returns:
      The number of pixels on the side where this number is largest. None if the tile
      reads up to a border of the image.
    """
    image, middle = graph.inputs[0], {}
    for line in graph.output.lines:
        if line.axis:
            first = (line.size - _CENTER) // 2 // _CENTER * _CENTER
            middle[line.axis] = (np.array([max(first, 0)]), min(_CENTER, line.size))
    roots = {graph.output: tile_spans(graph.output, middle)}
    read = assign(graph.nodes, roots, Tiles(1, 1), cuts(graph)).windows
    widest = 0
    for line, span in zip(image.lines, read.get(image, []), strict=False):
        if line.axis is None:
            continue
        first, last = int(np.max(span.start)), int(np.max(span.start)) + span.length
        start, length = middle.get(line.axis, (np.array([0]), line.size))
        if first == 0 or last == line.size:
            return None
        widest = max(widest, int(start[0]) - first, last - int(start[0]) - length)
    return widest


def cuts(graph: Graph, level: int | None = None) -> set[Value]:
    """Returns the set of arrays that are combined from partial results of tiles.

    An example is the mean of a feature map over all pixels of the image.

    Args:
      graph: The operations of a network.
      level: The number of the pass over the image that computes the arrays, from 1.
        None selects all passes.
    """
    return {
        node.outs[0]
        for node in graph.nodes
        if node.cut and level in (None, node.outs[0].level)
    }


def arithmetic(graph: Graph, windows: Windows | None = None) -> int:
    """Counts the multiplications in a network's convolutions and matrix products.

    Args:
      graph: The operations of a network.
      windows: The part of each array that one tile computes. None counts the
        multiplications for the whole image.
    """
    total = 0
    for node in graph.nodes:
        if node.kind not in ("conv_general_dilated", "dot_general"):
            continue
        (out,) = node.outs
        if windows is not None and out not in windows:
            continue
        total += _positions(out, windows) * _terms(node, windows)
    return total


def _positions(value: Value, windows: Windows | None) -> int:
    if windows is None:
        return math.prod(line.size for line in value.lines)
    return math.prod(span.length for span in windows[value])


def _terms(node: Node, windows: Windows | None) -> int:
    """Returns how many products a convolution or matrix product adds for each entry."""
    left, right = node.ins
    if node.kind == "conv_general_dilated":
        out = node.params["dimension_numbers"].rhs_spec[0]
        return math.prod(right.shape) // right.shape[out]
    places = [p for d in node.params["dimension_numbers"][0][0] for p in left.places(d)]
    spans: list[Span] = [full(line.size) for line in left.lines]
    if windows is not None:  # Every tile uses all of a constant.
        spans = windows.get(left, spans)
    return math.prod(spans[p].length for p in places)
