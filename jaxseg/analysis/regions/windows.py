"""Finds the part of each array that each tile of a result needs.

All tiles need parts of one size, so that one compiled program computes all of them. At
the border of the image, a part is shifted inward.
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
    """Contains the part of each array that each tile needs.

    Attributes:
      windows: The spans of the lines of each value that is needed.
      idle: For each operand of an operation, the rows and columns of tiles that do not
        need it. An example is a border row that is repeated as padding.
    """

    windows: Windows
    idle: dict[Node, list[Idle]]


def assign(
    nodes: list[Node], roots: Windows, tiles: Tiles, given: set[Value] = frozenset()
) -> Parts:
    """Returns the part of each array that the tiles of a result need.

    Args:
      nodes: The operations, each after those whose results it reads.
      roots: The parts of the results that are wanted.
      tiles: The number of tiles.
      given: Values that are already known, for example from an earlier pass over the
        image. The operations that compute them are not followed.

    Returns:
      The parts of all values that are needed.
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
    """Adds intervals to those that are wanted of a value."""
    old = wanted.get(value)
    if old is not None:
        spans = [hull(a, b) for a, b in zip(old, spans, strict=True)]
    lines = value.lines
    wanted[value] = [
        _clipped(s, line.size) for s, line in zip(spans, lines, strict=True)
    ]


def _idle_operands(node, spans, resting: dict[Value, Idle]) -> list[Idle]:
    """Returns the tiles that do not need each operand of an operation."""
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
    """Marks the tiles that do not need parts of a value.

    Args:
      value: The value.
      spans: The parts of its lines.
      idle: The rows and columns of tiles that need nothing of the value.
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
    """Returns the positions of intervals that are inside of a line.

    Intervals at the border become shorter, the length is that of the longest one. The
    start is moved so that every interval is inside of the line.
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
    """Returns the parts of a map of the image that tiles cover.

    Args:
      value: The map.
      tiles: For "rows" and "columns", the first position of each tile and the length.
    """
    return [
        Span(line.axis, *tiles[line.axis]) if line.axis in tiles else full(line.size)
        for line in value.lines
    ]
