"""Computes parts of the results of operations from parts of their operands.

Arrays are stored with one axis for each line (`jaxseg.analysis.regions.arrays`), so
that dimensions of size 1 have no axis, and merged dimensions have several.
"""

from __future__ import annotations

import dataclasses
import functools
import math

import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxseg.analysis.regions.arrays import Node, Span, Value, full
from jaxseg.analysis.regions.layouts import REDUCTIONS, SAME, regrouped
from jaxseg.analysis.regions.needs import (
    Tiles,
    accesses,
    elementwise_spans,
    needs,
    part_axis,
    reshaped_spans,
    span_of,
    taken,
)
from jaxseg.inference.exact.boxes import Tile, fetch, inside

Spans = list[Span]


@dataclasses.dataclass(frozen=True)
class Step:
    """Contains what an operation reads and writes for one tile.

    Attributes:
      node: The operation.
      have: The stored part of each operand.
      want: The part of each result that is needed, None if it is not needed.
      tile: The tile.
      tiles: The number of tiles.
    """

    node: Node
    have: list[Spans]
    want: list[Spans | None]
    tile: Tile
    tiles: Tiles

    @functools.cached_property
    def whole(self) -> bool:
        """Returns whether all operands are stored and all results needed as a whole."""
        groups = [
            *zip(self.node.ins, self.have, strict=True),
            *(g for g in zip(self.node.outs, self.want, strict=True) if g[1]),
        ]
        return all(
            span.length == line.size
            for value, spans in groups
            for span, line in zip(spans, value.lines, strict=True)
        )

    def part(self, i: int, x, spans: Spans, fill=None):
        """Returns a part of an operand."""
        return fetch(self.tile, x, self.have[i], spans, fill)

    def by_dims(self, i: int, x, dims, out: int = 0, fill=None):
        """Returns the part of an operand that `accesses` describes, one axis per dim.

        Positions between those of the operand, and outside of it, have the value
        `fill`.
        """
        value, result, spans = self.node.ins[i], self.node.outs[out], self.want[out]
        have, want, pads = [], [], []
        for dim, access in enumerate(dims):
            own = span_of(value, self.have[i], dim)
            size = value.shape[dim]
            gap = 1 if access is None else access.spread
            pads.append((0, 0, gap - 1))
            length = (own.length - 1) * gap + 1
            have.append(Span(own.axis, own.start * gap, length, own.live))
            want.append(
                full(size)
                if access is None
                else access.interval(span_of(result, spans, access.out))
            )
        x = x.reshape(
            [span_of(value, self.have[i], d).length for d in range(len(dims))]
        )
        if any(p[2] for p in pads):
            x = lax.pad(x, jnp.asarray(fill, x.dtype), pads)
        return fetch(self.tile, x, have, want, fill)


def run(step: Step, xs: list) -> list:
    """Computes the needed parts of the results of an operation.

    Args:
      step: The operation and the parts.
      xs: The stored parts of the operands.

    Returns:
      The parts of the results, None for those that are not needed.
    """
    node = step.node
    name = node.kind
    if name == "merge":
        return [_merge(step, xs[0])]
    if node.opaque or (step.whole and not node.reduced):
        return _bind_whole(step, xs)
    if name in SAME:
        return [_elementwise(step, xs)]
    if name in ("reshape", "transpose", "squeeze", "broadcast_in_dim"):
        return [_rearranged(step, xs[0])]
    if name in REDUCTIONS:
        return _reduction(step, xs)
    if name == "dot_general":
        return [_product(step, xs)]
    if name == "conv_general_dilated":
        return [_convolution(step, xs)]
    if name.startswith("reduce_window"):
        return [_window(step, xs)]
    if name == "rev":
        places = [p for d in node.params["dimensions"] for p in node.ins[0].places(d)]
        return [lax.rev(step.part(0, xs[0], _needed(step)[0]), places)]
    if name in ("pad", "slice", "dynamic_slice", "split"):
        return _moved(step, xs)
    if name == "dynamic_update_slice":
        return [_update(step, xs)]
    if name == "concatenate":
        return [_concatenation(step, xs)]
    if name == "stack":
        parts = [
            step.part(i, x, s)
            for i, (x, s) in enumerate(zip(xs, _needed(step), strict=True))
        ]
        place = sum(len(d) for d in node.outs[0].dims[: node.params["axis"]])
        return [jnp.stack(parts, place) if len(parts) > 1 else parts[0]]
    if name == "gather" and taken(node) is not None:
        return [_gather(step, xs)]
    return _bind_whole(step, xs)


def _needed(step):
    return needs(step.node, step.want, step.tiles)


def _lengths(spans: Spans) -> list[int]:
    return [span.length for span in spans]


def _bind_whole(step, xs):
    """Runs the primitive on whole operands and cuts the needed parts of its results."""
    node = step.node
    whole = [x.reshape(v.shape) for x, v in zip(xs, node.ins, strict=True)]
    found = _bind(node, whole, node.eqn.params)
    results = []
    for value, spans, x in zip(node.outs, step.want, found, strict=True):
        if spans is None:
            results.append(None)
            continue
        lines = value.lines
        x = x.reshape([line.size for line in lines])
        results.append(fetch(step.tile, x, [full(n.size) for n in lines], spans))
    return results


def _bind(node, xs, params):
    primitive = node.eqn.primitive
    found = primitive.bind(*xs, **primitive.get_bind_params(params))
    return found if primitive.multiple_results else [found]


def _elementwise(step, xs):
    node, (spans,) = step.node, step.want
    result, parts = node.outs[0], []
    for i, (x, value) in enumerate(zip(xs, node.ins, strict=True)):
        if len(value.dims) != len(result.dims):
            parts.append(x)
            continue
        x = step.part(i, x, elementwise_spans(value, result, spans))
        shape = []
        for dim, lines in enumerate(result.dims):
            places = result.places(dim)
            own = (
                [spans[p].length for p in places]
                if value.dims[dim]
                else [1] * len(lines)
            )
            shape += own
        parts.append(x.reshape(shape))
    if node.kind == "order_after":
        return parts[0]
    shape = tuple(_lengths(spans))
    if len(parts) > 1:
        parts = [p if p.ndim == 0 else jnp.broadcast_to(p, shape) for p in parts]
    (found,) = _bind(node, parts, node.eqn.params)
    return jnp.broadcast_to(found, shape)


def _merge(step, x):
    (wanted,) = _needed(step)
    return step.part(0, x, wanted).reshape(_lengths(step.want[0]))


def _rearranged(step, x):
    node, (spans,), (value,), (result,) = (
        step.node,
        step.want,
        step.node.ins,
        step.node.outs,
    )
    if node.kind == "reshape":
        return _reshaped(step, x)
    (wanted,) = _needed(step)
    x = step.part(0, x, wanted)
    if node.kind == "squeeze":
        return x
    if node.kind == "transpose":
        order = [p for d in node.params["permutation"] for p in value.places(d)]
        return x.transpose(order)
    shape, places = [1] * len(result.lines), node.params["broadcast_dimensions"]
    for dim, place in enumerate(places):
        if value.dims[dim]:
            for p in result.places(place):
                shape[p] = spans[p].length
    return jnp.broadcast_to(x.reshape(shape), _lengths(spans))


def _reshaped(step, x):
    node, (spans,) = step.node, step.want
    x = step.part(0, x, reshaped_spans(node, spans))
    have, shape, at = [], [], 0
    parts = regrouped(node.ins[0].dims, node.outs[0].shape)[1]
    lines = node.ins[0].lines
    for own, n, line in zip(parts, x.shape, lines, strict=True):
        if len(own) == 1 or n == line.size:
            have += [spans[at]] if len(own) == 1 else [full(p.size) for p in own]
            shape += [n] if len(own) == 1 else [p.size for p in own]
        else:
            have += spans[at : at + len(own)]
            shape += _lengths(spans[at : at + len(own)])
        at += len(own)
    return fetch(step.tile, x.reshape(shape), have, spans)


def _masked(step, side, x, spans, empty):
    """Replaces the positions that belong to the part of another tile."""
    node = step.node
    for i in node.reduced[side]:
        axis = part_axis(node, side, i)
        first, last = step.tiles.bounds(axis, node.ins[side].lines[i].size)
        if np.max(last - first) == np.min(last - first):
            continue
        keep = inside(step.tile, spans[i], first, last)
        shape = [1] * x.ndim
        shape[i] = -1
        x = jnp.where(jnp.reshape(keep, shape), x, jnp.asarray(empty, x.dtype))
    return x


def _reduction(step, xs):
    node = step.node
    (spans,) = _needed(step)
    x = step.part(0, xs[0], spans)
    if node.reduced:
        low = -np.inf if jnp.issubdtype(x.dtype, jnp.floating) else None
        empty = {"reduce_sum": 0, "reduce_max": low, "reduce_min": low and np.inf}
        x = _masked(step, 0, x, spans, empty[node.kind])
    axes = tuple(p for d in node.params["axes"] for p in node.ins[0].places(d))
    params = {**node.eqn.params, "axes": axes}
    if not axes:
        return _bind_whole(step, xs) if node.kind.startswith("arg") else [x]
    return _bind(node, [x], params)


def _product(step, xs):
    node, parts = step.node, []
    for side, (x, spans) in enumerate(zip(xs, _needed(step), strict=True)):
        x = step.part(side, x, spans)
        if node.reduced and node.reduced[side]:
            x = _masked(step, side, x, spans, 0)
        parts.append(x)
    contracted, batch = node.params["dimension_numbers"]
    places = [
        tuple(
            tuple(p for d in dims for p in value.places(d))
            for value, dims in zip(node.ins, pair, strict=True)
        )
        for pair in (contracted, batch)
    ]
    params = {**node.eqn.params, "dimension_numbers": tuple(places)}
    return _bind(node, parts, params)[0]


def _convolution(step, xs):
    node = step.node
    x = step.by_dims(0, xs[0], accesses(node)[0], fill=0)
    kernel = xs[1].reshape(node.ins[1].shape)
    params = node.params
    rank = len(params["window_strides"])
    found = lax.conv_general_dilated(
        x,
        kernel,
        params["window_strides"],
        [(0, 0)] * rank,
        rhs_dilation=params["rhs_dilation"],
        dimension_numbers=params["dimension_numbers"],
        feature_group_count=params["feature_group_count"],
        batch_group_count=params["batch_group_count"],
        precision=params["precision"],
        preferred_element_type=params["preferred_element_type"],
    )
    return found.reshape(_lengths(step.want[0]))


def _window(step, xs):
    node, params = step.node, dict(step.node.eqn.params)
    fill = {"reduce_window_sum": 0, "reduce_window_max": -np.inf}
    fill["reduce_window_min"] = np.inf
    empty = fill[node.kind] if node.kind in fill else xs[1]
    x = step.by_dims(0, xs[0], accesses(node)[0], fill=empty)
    params["padding"] = ((0, 0),) * x.ndim
    if "base_dilation" in params:
        params["base_dilation"] = (1,) * x.ndim
    (found,) = _bind(node, [x, *xs[1:]], params)
    return found.reshape(_lengths(step.want[0]))


def _moved(step, xs):
    """Runs operations that only move elements: slices and padding."""
    node, results = step.node, []
    fill = xs[1] if node.kind == "pad" else None
    for out, spans in enumerate(step.want):
        if spans is None:
            results.append(None)
            continue
        x = step.by_dims(0, xs[0], accesses(node, out)[0], out=out, fill=fill)
        steps = node.params.get("strides") if node.kind == "slice" else None
        if steps and math.prod(steps) > 1:
            x = lax.slice(x, [0] * x.ndim, x.shape, steps)
        results.append(x.reshape(_lengths(spans)))
    return results


def _placed(step, base, part, spans, edges):
    """Writes a part over a base where its positions are inside of given edges."""
    for axis, (first, last) in edges.items():
        keep = inside(step.tile, spans[axis], first, last)
        shape = [1] * part.ndim
        shape[axis] = -1
        keep = jnp.reshape(keep, shape)
        edges = {**edges, axis: keep}
    mask = functools.reduce(jnp.logical_and, edges.values())
    return jnp.where(mask, part, base)


def _update(step, xs):
    node, (spans,) = step.node, step.want
    own, update, *_ = accesses(node)
    result = node.outs[0]
    base = step.by_dims(0, xs[0], own).reshape(_lengths(spans))
    part = step.by_dims(1, xs[1], update, fill=0).reshape(_lengths(spans))
    edges = {}
    for dim, access in enumerate(update):
        size = node.ins[1].shape[dim]
        if size == node.ins[0].shape[dim]:
            continue
        (place,) = result.places(dim)
        edges[place] = (-access.shift, size - access.shift)
    return _placed(step, base, part, spans, edges) if edges else part


def _concatenation(step, xs):
    node, (spans,) = step.node, step.want
    dim, result = node.params["dimension"], node.outs[0]
    (place,) = result.places(dim)
    if spans[place].length == result.lines[place].size:
        parts = []
        for i, (x, wanted) in enumerate(zip(xs, _needed(step), strict=True)):
            wanted = list(wanted)
            for p in node.ins[i].places(dim):
                wanted[p] = full(node.ins[i].lines[p].size)
            x = step.part(i, x, wanted)
            shape = _lengths(spans)
            shape[place] = node.ins[i].shape[dim]
            parts.append(x.reshape(shape))
        return jnp.concatenate(parts, place)
    total, first = jnp.zeros(_lengths(spans), result.dtype), 0
    for i, (x, wanted) in enumerate(zip(xs, _needed(step), strict=True)):
        value, span = node.ins[i], spans[place]
        have, want = list(step.have[i]), list(wanted)
        if not value.places(dim):
            x = jnp.expand_dims(x, place)
            have.insert(place, full(1))
            want.insert(place, full(1))
        live = want[place].live
        want[place] = Span(span.axis, span.start - first, span.length, live)
        last = first + value.shape[dim]
        x = fetch(step.tile, x, have, want, 0)
        total = _placed(step, total, x, spans, {place: (first, last)})
        first = last
    return total


def _gather(step, xs):
    node, (spans,) = step.node, step.want
    dim, out, index = taken(node)
    value, result = node.ins[0], node.outs[0]
    span = span_of(result, spans, out)
    wanted = _needed(step)[0]
    places = value.places(dim)
    local = span_of(value, wanted, dim) if places else full(1)
    table = fetch(step.tile, jnp.asarray(index), [full(len(index))], [span])
    first = step.tile.number(local.start, local.axis)
    x = step.part(0, xs[0], wanted)
    place = sum(len(d) for d in value.dims[:dim])
    if not places:
        x = jnp.expand_dims(x, place)
    x = jnp.take(x, table - first, axis=place, mode="clip")
    return x.reshape(_lengths(spans))
