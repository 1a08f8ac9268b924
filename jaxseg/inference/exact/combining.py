"""Computes reductions and matrix products for one tile.

For a reduction or product over the whole image, the result is the contribution of the
tile, for example the sum over its pixels.
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from jaxseg.analysis.regions.needs import part_axis
from jaxseg.inference.exact.boxes import inside
from jaxseg.inference.exact.step import bind, bind_whole


def reduction(step, xs):
    node = step.node
    (spans,) = step.needed
    x = step.part(0, xs[0], spans)
    if node.reduced:
        low = -np.inf if jnp.issubdtype(x.dtype, jnp.floating) else None
        empty = {"reduce_sum": 0, "reduce_max": low, "reduce_min": low and np.inf}
        x = masked(step, 0, x, spans, empty[node.kind])
    axes = tuple(p for d in node.params["axes"] for p in node.ins[0].places(d))
    params = {**node.eqn.params, "axes": axes}
    if not axes:
        return bind_whole(step, xs) if node.kind.startswith("arg") else [x]
    return bind(node, [x], params)


def product(step, xs):
    node, parts = step.node, []
    for side, (x, spans) in enumerate(zip(xs, step.needed, strict=True)):
        x = step.part(side, x, spans)
        if node.reduced and node.reduced[side]:
            x = masked(step, side, x, spans, 0)
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
    return bind(node, parts, params)[0]


def masked(step, side, x, spans, empty):
    """Makes sure that a reduction counts each value of an operand in one tile only.

    Tiles can overlap, so that several tiles read the same value. In all of these tiles
    but one, the value is replaced by a neutral value, for example 0 in a sum.

    Args:
      step: The operation, a reduction or a matrix product.
      side: The index of the operand.
      x: The part of the operand that this tile reads.
      spans: The interval of positions along each axis of x.
      empty: The neutral value.

    Returns:
      A copy of x, in which the values that are counted in another tile are replaced.
    """
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
