"""Runs an operation of a network for one tile of the image.

Only those parts of the operands and results are computed that the tile needs.
"""

from __future__ import annotations

import jax.numpy as jnp
from jax import lax

from jaxseg.analysis.regions.accesses import taken
from jaxseg.analysis.regions.arrays import full
from jaxseg.analysis.regions.layouts import REDUCTIONS, SAME, regrouped
from jaxseg.analysis.regions.needs import elementwise_spans, reshaped_spans
from jaxseg.inference.exact.boxes import fetch
from jaxseg.inference.exact.combining import product, reduction
from jaxseg.inference.exact.joining import concatenation, gather, stack, update
from jaxseg.inference.exact.sliding import convolution, moved, pooling
from jaxseg.inference.exact.step import Step, bind, bind_whole, lengths


def run(step: Step, xs: list) -> list:
    """Computes those parts of an operation's results that a tile needs.

    Args:
      step: The operation, which parts of its operands are in memory, and which parts of
        its results the tile needs.
      xs: For each operand, the part that is in memory.

    Returns:
      The part of each result that the tile needs, or None if it needs no part of the
      result.
    """
    node = step.node
    name = node.kind
    if name == "merge":
        return [_merge(step, xs[0])]
    if node.opaque or (step.whole and not node.reduced):
        return bind_whole(step, xs)
    if name in SAME:
        return [_elementwise(step, xs)]
    if name in REDUCTIONS:
        return reduction(step, xs)
    if name in ("pad", "slice", "dynamic_slice", "split"):
        return moved(step, xs)
    if name.startswith("reduce_window"):
        return [pooling(step, xs)]
    if name == "gather" and taken(node) is None:
        return bind_whole(step, xs)
    if name in _ONE_RESULT:
        return [_ONE_RESULT[name](step, xs)]
    return bind_whole(step, xs)


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
    shape = tuple(lengths(spans))
    if len(parts) > 1:
        parts = [p if p.ndim == 0 else jnp.broadcast_to(p, shape) for p in parts]
    (found,) = bind(node, parts, node.eqn.params)
    return jnp.broadcast_to(found, shape)


def _merge(step, x):
    (wanted,) = step.needed
    return step.part(0, x, wanted).reshape(lengths(step.want[0]))


def _rearranged(step, xs):
    node, (spans,), (value,), (result,) = (
        step.node,
        step.want,
        step.node.ins,
        step.node.outs,
    )
    (wanted,) = step.needed
    x = step.part(0, xs[0], wanted)
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
    return jnp.broadcast_to(x.reshape(shape), lengths(spans))


def _reshaped(step, xs):
    node, (spans,) = step.node, step.want
    x = step.part(0, xs[0], reshaped_spans(node, spans))
    have, shape, at = [], [], 0
    parts = regrouped(node.ins[0].dims, node.outs[0].shape)[1]
    lines = node.ins[0].lines
    for own, n, line in zip(parts, x.shape, lines, strict=True):
        if len(own) == 1 or n == line.size:
            have += [spans[at]] if len(own) == 1 else [full(p.size) for p in own]
            shape += [n] if len(own) == 1 else [p.size for p in own]
        else:
            have += spans[at : at + len(own)]
            shape += lengths(spans[at : at + len(own)])
        at += len(own)
    return fetch(step.tile, x.reshape(shape), have, spans)


def _reversed(step, xs):
    node = step.node
    places = [p for d in node.params["dimensions"] for p in node.ins[0].places(d)]
    return lax.rev(step.part(0, xs[0], step.needed[0]), places)


_ONE_RESULT = {
    "broadcast_in_dim": _rearranged,
    "concatenate": concatenation,
    "conv_general_dilated": convolution,
    "dot_general": product,
    "dynamic_update_slice": update,
    "gather": gather,
    "reshape": _reshaped,
    "rev": _reversed,
    "squeeze": _rearranged,
    "stack": stack,
    "transpose": _rearranged,
}
