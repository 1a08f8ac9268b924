"""Determines which part of each operand an operation needs for a part of its result."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from jaxseg.analysis.regions.accesses import accesses, index_span, span_of, taken
from jaxseg.analysis.regions.arrays import Node, Span, Value, full
from jaxseg.analysis.regions.layouts import REDUCTIONS, SAME, regrouped
from jaxseg.analysis.regions.tiles import Tiles


def needs(
    node: Node, spans: list[list[Span] | None], tiles: Tiles
) -> list[list[Span] | None]:
    """Returns which part of each operand an operation needs for parts of its results.

    Intervals of positions can start before the operand and end after it, in padding.

    Args:
      node: The operation.
      spans: For each result, the interval that is needed along each of its axes. None
        for a result that is not needed.
      tiles: The numbers of rows and columns of tiles.

    Returns:
      A list with an item for each operand: the list of the intervals (`Span`) that are
      needed along its axes, or None if the operand is not needed.
    """
    found: list[list[Span] | None] = [None] * len(node.ins)
    for out, given in enumerate(spans):
        if given is None:
            continue
        own = _needs(node, out, given, tiles)
        for i, lines in enumerate(own):
            before = found[i]
            if lines is None:
                continue
            if before is not None:
                lines = [hull(a, b) for a, b in zip(before, lines, strict=True)]
            found[i] = lines
    return found


def hull(a: Span, b: Span) -> Span:
    """Returns for each tile the smallest interval that contains a and b."""
    if a.axis and b.axis and a.axis != b.axis:
        return Span(None, 0, 2**31)
    low = np.minimum(a.start, b.start)
    high = np.maximum(a.start + a.length, b.start + b.length)
    live = None
    for one, other in ((a, b), (b, a)):
        if one.live is not None:  # Tiles that do not need one interval need the other.
            low = np.where(one.live, low, other.start)
            high = np.where(one.live, high, other.start + other.length)
    if a.live is not None and b.live is not None:
        live = a.live | b.live
    return Span(a.axis or b.axis, low, int(np.max(high - low)), live)


def _alive(span: Span, size: int) -> Span:
    """Marks tiles whose interval lies outside of the positions 0 to `size` - 1."""
    live = (span.start < size) & (span.start + span.length > 0)
    if span.live is not None:
        live &= span.live
    if np.all(live) or span.axis is None:
        return span
    return dataclasses.replace(span, live=live)


def _whole(value: Value) -> list[Span]:
    return [full(line.size) for line in value.lines]


def _needs(node, out, spans, tiles) -> list[list[Span] | None]:
    name, result = node.kind, node.outs[out]
    if node.opaque:
        return [_whole(value) for value in node.ins]
    if name in SAME:
        return [elementwise_spans(v, result, spans) for v in node.ins]
    if name == "merge":
        return [_merged(node, spans)]
    if name == "reshape":
        return [reshaped_spans(node, spans)]
    if name == "transpose":
        order = node.params["permutation"]
        return [
            _by_dims(node.ins[0], result, spans, {o: n for n, o in enumerate(order)})
        ]
    if name == "squeeze":
        kept = [
            d
            for d in range(len(node.ins[0].dims))
            if d not in node.params["dimensions"]
        ]
        return [
            _by_dims(node.ins[0], result, spans, {o: n for n, o in enumerate(kept)})
        ]
    if name == "broadcast_in_dim":
        places = dict(enumerate(node.params["broadcast_dimensions"]))
        return [_by_dims(node.ins[0], result, spans, places)]
    if name == "stack":
        axis = node.params["axis"]
        names = {d: d + (d >= axis) for d in range(len(result.dims) - 1)}
        return [_by_dims(v, result, spans, names) for v in node.ins]
    if name in REDUCTIONS:
        axes = node.params["axes"]
        kept = [d for d in range(len(node.ins[0].dims)) if d not in axes]
        names = {old: new for new, old in enumerate(kept)}
        value = node.ins[0]
        return [_parts(node, 0, _by_dims(value, result, spans, names), tiles)]
    if name == "dot_general":
        return [_product(node, side, spans, tiles) for side in (0, 1)]
    if name == "concatenate":
        return _concatenation(node, spans)
    if name == "rev":
        return [reversed_spans(node, spans)]
    if name == "gather" and taken(node) is not None:
        return _gather(node, spans)
    found = accesses(node, out)
    if found is None:
        return [_whole(value) for value in node.ins]
    return [
        _whole(value) if dims is None else accessed(value, dims, result, spans)
        for value, dims in zip(node.ins, found, strict=True)
    ]


def elementwise_spans(value: Value, result: Value, spans: list[Span]) -> list[Span]:
    """Returns the part of an operand that a part of an elementwise result depends on.

    Each part is a list with one interval (`Span`) for each axis. The result is empty
    for a scalar.
    """
    if len(value.dims) != len(result.dims):
        return []
    return _by_dims(value, result, spans, {d: d for d in range(len(result.dims))})


def _by_dims(value, result, spans, names):
    """Returns intervals of an operand with dimension d at names[d] in the result.

    Dimensions that are not in `names` are needed as a whole.
    """
    found = []
    for dim, lines in enumerate(value.dims):
        new = names.get(dim)
        if new is not None and len(result.dims[new]) == len(lines):
            found += [spans[i] for i in result.places(new)]
        else:
            found += [full(line.size) for line in lines]
    return found


def _merged(node, spans):
    """Returns the intervals before a merge of dimensions, given those after it."""
    (value,), dim = node.ins, node.params["dim"]
    found = list(spans)
    place = node.outs[0].places(dim)[0]
    lines = value.dims[dim]
    inner = math.prod(line.size for line in lines[1:])
    span = found[place]
    if span.length == node.outs[0].lines[place].size:
        parts = [full(line.size) for line in lines]
    else:
        outer = Span(span.axis, span.start // inner, span.length // inner, span.live)
        parts = [outer, *(full(line.size) for line in lines[1:])]
    return [*found[:place], *parts, *found[place + 1 :]]


def reshaped_spans(node: Node, spans: list[Span]) -> list[Span]:
    """Returns the part of the operand of a reshape that a part of its result needs.

    Each part is a list with one interval (`Span`) for each axis.
    """
    (value,), result = node.ins, node.outs[0]
    grouped = regrouped(value.dims, result.shape)
    if grouped is None:
        return _whole(value)
    found, at = [], 0
    for line, parts in zip(value.lines, grouped[1], strict=True):
        own = spans[at : at + len(parts)]
        at += len(parts)
        if len(parts) == 1:
            found.append(own[0])
            continue
        inner = line.size // parts[0].size
        whole = all(s.length == p.size for s, p in zip(own[1:], parts[1:], strict=True))
        outer = own[0]
        if whole and outer.length < parts[0].size:
            first, length = outer.start * inner, outer.length * inner
            found.append(Span(outer.axis, first, length, outer.live))
        else:
            found.append(full(line.size))
    return found


def _parts(node, side, spans, tiles):
    """Replaces the intervals of reduced axes by those that each tile contributes."""
    value = node.ins[side]
    for i in node.reduced[side] if node.reduced else ():
        axis = part_axis(node, side, i)
        spans[i] = tiles.part(axis, value.lines[i].size)
    return spans


def part_axis(node: Node, side: int, line: int) -> str:
    """Returns "rows" or "columns", the axis of the image that an operation reduces.

    Args:
      node: A sum, maximum, minimum or matrix product over rows or columns of the image.
      side: The index of the operand.
      line: The index in `Value.lines` of the reduced dimension of the operand.
    """
    k = node.reduced[side].index(line)
    axes = [v.lines[ls[k]].axis for v, ls in zip(node.ins, node.reduced, strict=True)]
    return next(axis for axis in axes if axis)


def _product(node, side, spans, tiles):
    contracted, batch = node.params["dimension_numbers"]
    result, value = node.outs[0], node.ins[side]
    names = {dim: i for i, dim in enumerate(batch[side])}
    first = len(batch[0])
    if side == 1:
        first += len(node.ins[0].dims) - len(batch[0]) - len(contracted[0])
    free = [
        d
        for d in range(len(value.dims))
        if d not in contracted[side] and d not in batch[side]
    ]
    names |= {dim: first + i for i, dim in enumerate(free)}
    found = _parts(node, side, _by_dims(value, result, spans, names), tiles)
    band = node.params["band"]
    if band is not None:
        resized = 0 if band.side == 0 else len(result.lines) - 1
        for i in value.places(contracted[side][0]):
            found[i] = band.interval(spans[resized])
    return found


def _concatenation(node, spans):
    dim, result, first = node.params["dimension"], node.outs[0], 0
    found = []
    for value in node.ins:
        names = {d: d for d in range(len(result.dims)) if d != dim}
        own = _by_dims(value, result, spans, names)
        span = span_of(result, spans, dim)
        for i in value.places(dim):
            part = Span(span.axis, span.start - first, span.length, span.live)
            own[i] = _alive(part, value.shape[dim])
        first += value.shape[dim]
        found.append(own)
    return found


def reversed_spans(node: Node, spans: list[Span]) -> list[Span]:
    """Returns the part of the operand of `lax.rev` that a part of its result needs.

    Each part is a list with one interval (`Span`) for each axis.
    """
    value, found = node.ins[0], list(spans)
    for dim in node.params["dimensions"]:
        for i in value.places(dim):
            old, size = spans[i], value.lines[i].size
            first = size - old.start - old.length
            found[i] = Span(old.axis, first, old.length, old.live)
    return found


def _gather(node, spans):
    dim, out, index = taken(node)
    value, result = node.ins[0], node.outs[0]
    own = _by_dims(
        value, result, spans, {d: d for d in range(len(value.dims)) if d != dim}
    )
    span = span_of(result, spans, out)
    for i in value.places(dim):
        own[i] = index_span(index, span, value.shape[dim])
    return [own, _whole(node.ins[1])]


def accessed(value: Value, dims, result: Value, spans: list[Span]) -> list[Span]:
    """Returns the part of an operand that a part of a result needs.

    Each part is a list with one interval (`Span`) for each axis. `dims` contains for
    each dimension of the operand the positions that are read, or None for all of them.
    """
    found = []
    for dim, access in enumerate(dims):
        for i in value.places(dim):
            if access is None:
                found.append(full(value.lines[i].size))
                continue
            span = access.positions(span_of(result, spans, access.out))
            found.append(_alive(span, value.lines[i].size))
    return found
