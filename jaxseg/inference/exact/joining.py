"""Computes concatenations and similar operations for one tile of the image.

The operations are concatenations, stacks, updates of slices, and gathers.
"""

from __future__ import annotations

import functools

import jax.numpy as jnp

from jaxseg.analysis.regions.accesses import accesses, span_of, taken
from jaxseg.analysis.regions.arrays import Span, full
from jaxseg.inference.exact.boxes import fetch, inside
from jaxseg.inference.exact.step import lengths


def concatenation(step, xs):
    node, (spans,) = step.node, step.want
    dim, result = node.params["dimension"], node.outs[0]
    (place,) = result.places(dim)
    if spans[place].length == result.lines[place].size:
        parts = []
        for i, (x, wanted) in enumerate(zip(xs, step.needed, strict=True)):
            wanted = list(wanted)
            for p in node.ins[i].places(dim):
                wanted[p] = full(node.ins[i].lines[p].size)
            x = step.part(i, x, wanted)
            shape = lengths(spans)
            shape[place] = node.ins[i].shape[dim]
            parts.append(x.reshape(shape))
        return jnp.concatenate(parts, place)
    total, first = jnp.zeros(lengths(spans), result.dtype), 0
    for i, (x, wanted) in enumerate(zip(xs, step.needed, strict=True)):
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
        total = placed(step, total, x, spans, {place: (first, last)})
        first = last
    return total


def update(step, xs):
    node, (spans,) = step.node, step.want
    own, update, *_ = accesses(node)
    result = node.outs[0]
    base = step.by_dims(0, xs[0], own).reshape(lengths(spans))
    part = step.by_dims(1, xs[1], update, fill=0).reshape(lengths(spans))
    edges = {}
    for dim, access in enumerate(update):
        size = node.ins[1].shape[dim]
        if size == node.ins[0].shape[dim]:
            continue
        (place,) = result.places(dim)
        edges[place] = (-access.shift, size - access.shift)
    return placed(step, base, part, spans, edges) if edges else part


def gather(step, xs):
    node, (spans,) = step.node, step.want
    dim, out, index = taken(node)
    value, result = node.ins[0], node.outs[0]
    span = span_of(result, spans, out)
    wanted = step.needed[0]
    places = value.places(dim)
    local = span_of(value, wanted, dim) if places else full(1)
    table = fetch(step.tile, jnp.asarray(index), [full(len(index))], [span])
    first = step.tile.number(local.start, local.axis)
    x = step.part(0, xs[0], wanted)
    place = sum(len(d) for d in value.dims[:dim])
    if not places:
        x = jnp.expand_dims(x, place)
    x = jnp.take(x, table - first, axis=place, mode="clip")
    return x.reshape(lengths(spans))


def placed(step, base, part, spans, edges):
    """Returns the entries of `part` inside a box, and those of `base` outside the box.

    Args:
      step: The operation and the tile for which it is computed.
      base: An array.
      part: An array of the shape of `base`.
      spans: The interval of positions along each axis of both arrays.
      edges: The box: a dictionary from an axis to (first position, position after the
        last one). Along other axes, all positions are inside the box.
    """
    for axis, (first, last) in edges.items():
        keep = inside(step.tile, spans[axis], first, last)
        shape = [1] * part.ndim
        shape[axis] = -1
        keep = jnp.reshape(keep, shape)
        edges = {**edges, axis: keep}
    mask = functools.reduce(jnp.logical_and, edges.values())
    return jnp.where(mask, part, base)


def stack(step, xs):
    node = step.node
    parts = [step.part(i, x, step.needed[i]) for i, x in enumerate(xs)]
    place = sum(len(dim) for dim in node.outs[0].dims[: node.params["axis"]])
    return jnp.stack(parts, place) if len(parts) > 1 else parts[0]
