"""Finds the part of each array that each tile of a result needs.

All tiles need parts of one size, so that one compiled program computes all of them. At
the border of the image, a part is shifted inward.
"""

from __future__ import annotations

import math

import numpy as np

from jaxseg.analysis.regions.arrays import Node, Span, Value, full
from jaxseg.analysis.regions.needs import hull, needs
from jaxseg.analysis.regions.tiles import Tiles

Windows = dict[Value, list[Span]]


def assign(
    nodes: list[Node], roots: Windows, tiles: Tiles, given: set[Value] = frozenset()
) -> Windows:
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
    windows: Windows = {}
    for node in reversed(nodes):
        spans: list[list[Span] | None] = []
        for value in node.outs:
            if value not in wanted or value in given:
                spans.append(None)
                continue
            if value not in windows:
                windows[value] = _inside(value, wanted[value], node)
            spans.append(windows[value])
        if all(span is None for span in spans):
            continue
        for value, found in zip(node.ins, needs(node, spans, tiles), strict=True):
            if found is None:
                continue
            old = wanted.get(value)
            if old is not None:
                found = [hull(a, b) for a, b in zip(old, found, strict=True)]
            wanted[value] = [
                _clipped(span, line.size)
                for span, line in zip(found, value.lines, strict=True)
            ]
    for value, spans in wanted.items():
        if value not in windows:
            windows[value] = _inside(value, spans)
    return windows


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
