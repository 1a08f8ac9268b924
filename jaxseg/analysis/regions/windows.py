"""Finds the part of each array in a network that is needed to compute each tile.

The parts of one array have equal sizes for all tiles, so that one compiled program can
compute every tile. At the border of the image, a part is shifted inward.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from jaxseg.analysis.regions.accesses import span_of
from jaxseg.analysis.regions.arrays import Node, Span, Value, full
from jaxseg.analysis.regions.needs import hull, needs
from jaxseg.analysis.regions.tiles import Tiles

Windows = dict[Value, list[Span]]
Idle = dict[str, np.ndarray]  # For "rows" or "columns": the tiles that need nothing.


@dataclasses.dataclass(frozen=True)
class Parts:
    """Contains the part of each array in a network that each tile needs.

    Attributes:
      windows: A dictionary from each array that is needed to the list of the intervals
        along its axes.
      idle: The tiles that do not need an operand. A dictionary from each operation to a
        list with a dictionary for each operand. The keys are "rows" or "columns", and
        the values are booleans that are True for the rows or columns of tiles that do
        not need it. For example, if a border row is repeated as padding, only the tiles
        at the border of the image need it.
    """

    windows: Windows
    idle: dict[Node, list[Idle]]


def assign(
    nodes: list[Node], roots: Windows, tiles: Tiles, given: set[Value] = frozenset()
) -> Parts:
    """Determines the part of each array in a network that each tile needs.

    Args:
      nodes: The operations, each after those whose results it reads.
      roots: A dictionary from each array to compute to the intervals along its axes
        that a tile computes.
      tiles: The numbers of rows and columns of tiles.
      given: Arrays that are already known, for example from an earlier pass over the
        image. The arrays from which they are computed are left out.

    Returns:
      The part of each array that is needed to compute the arrays in `roots`.
    """
    wanted: Windows = {value: list(spans) for value, spans in roots.items()}
    parts, resting = Parts({}, {}), {}
    for node in reversed(nodes):
        spans: list[list[Span] | None] = []
        for value in node.outs:
            if value not in wanted or value in given:
                spans.append(None)
                continue
            if value not in parts.windows:
                parts.windows[value] = _inside(value, wanted[value], node)
            spans.append(parts.windows[value])
        if all(span is None for span in spans):
            continue
        idle = _idle_operands(node, spans, resting)
        parts.idle[node] = idle
        found = needs(node, spans, tiles)
        for value, own, lines in zip(node.ins, idle, found, strict=True):
            if lines is None:
                continue
            _want(wanted, value, rested(value, lines, own))
            before = resting.get(value, own)
            resting[value] = {k: before[k] & own[k] for k in before.keys() & own.keys()}
    for value, spans in wanted.items():
        if value not in parts.windows:
            parts.windows[value] = _inside(value, spans)
    return parts


def _want(wanted: Windows, value: Value, spans: list[Span]) -> None:
    """Enlarges the intervals that are needed of an array to contain further ones."""
    old = wanted.get(value)
    if old is not None:
        spans = [hull(a, b) for a, b in zip(old, spans, strict=True)]
    lines = value.lines
    wanted[value] = [
        _clipped(s, line.size) for s, line in zip(spans, lines, strict=True)
    ]


def _idle_operands(node, spans, resting: dict[Value, Idle]) -> list[Idle]:
    """Returns for each operand of an operation which tiles do not need it."""
    common: Idle | None = None
    for value, own in zip(node.outs, spans, strict=True):
        if own is None:
            continue
        idle = dict(resting.get(value, {}))
        for span in own:
            if span.live is not None and span.axis:
                idle[span.axis] = idle.get(span.axis, False) | ~span.live
        both = idle if common is None else common
        common = {axis: idle[axis] & both[axis] for axis in idle.keys() & both.keys()}
    found = [dict(common or {}) for _ in node.ins]
    if node.kind != "concatenate":
        return found
    dim, first = node.params["dimension"], 0
    span = span_of(node.outs[0], spans[0], dim)
    for value, idle in zip(node.ins, found, strict=True):
        last = first + value.shape[dim]
        if span.axis and not value.places(dim):
            outside = (span.start >= last) | (span.start + span.length <= first)
            idle[span.axis] = idle.get(span.axis, False) | outside
        first = last
    return found


def rested(value: Value, spans: list[Span], idle: Idle) -> list[Span]:
    """Returns the intervals of an array, and states which tiles need them.

    Args:
      value: The array.
      spans: The interval along each axis of the array.
      idle: For "rows" or "columns", booleans that are True for the rows or columns of
        tiles that do not need the array.

    Returns:
      A list of the intervals (`Span`), whose attribute `live` is False for the tiles
      that do not need the array. An interval that covers a whole axis is not changed.
      Neither are the intervals of an array that does not depend on the image.
    """
    found = []
    for span, line in zip(spans, value.lines, strict=True):
        known = line.axis in idle and value.from_image and span.length < line.size
        if known and span.axis in (None, line.axis):
            live = ~idle[line.axis]
            start = np.broadcast_to(span.start, live.shape)
            live = live if span.live is None else live & span.live
            span = Span(line.axis, start, span.length, live)
        found.append(span)
    return found


def _clipped(span: Span, size: int) -> Span:
    """Moves and shortens intervals so that they lie in the positions 0 to size - 1.

    All intervals keep equal lengths: that of the longest one after it has been cut off
    at the border.
    """
    first = np.clip(span.start, 0, size - 1)
    last = np.clip(span.start + span.length, first + 1, size)
    sizes = last - first
    if span.live is not None:
        sizes = np.where(span.live, sizes, 1)
    length = int(np.max(sizes))
    return Span(span.axis, np.clip(first, 0, size - length), length, span.live)


def _inside(value: Value, spans: list[Span], node: Node | None = None) -> list[Span]:
    found = []
    merged = node.outs[0].places(node.params["dim"])[0] if _is_merge(node) else None
    for i, (span, line) in enumerate(zip(spans, value.lines, strict=True)):
        if i == merged:
            lines = node.ins[0].dims[node.params["dim"]]
            inner = math.prod(one.size for one in lines[1:])
            first = span.start // inner * inner
            last = -(-(span.start + span.length) // inner) * inner
            span = Span(span.axis, first, int(np.max(last - first)), span.live)
        span = _clipped(span, line.size)
        found.append(full(line.size) if span.length >= line.size else span)
    return found


def _is_merge(node: Node | None) -> bool:
    return node is not None and node.kind == "merge"


def tile_spans(value: Value, tiles: dict[str, tuple[np.ndarray, int]]) -> list[Span]:
    """Returns the interval that each tile covers along each axis of a feature map.

    Args:
      value: The map, for example the logits.
      tiles: A dictionary from "rows" and "columns" to a pair: the first position of
        each tile, and the number of positions that a tile covers.

    Returns:
      A list with one interval (`Span`) for each axis of the map.
    """
    return [
        Span(line.axis, *tiles[line.axis]) if line.axis in tiles else full(line.size)
        for line in value.lines
    ]
