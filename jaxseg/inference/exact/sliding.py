"""Computes convolutions and similar operations for one tile of the image.

The operations are convolutions, pooling, padding, slices and splits.
"""

from __future__ import annotations

import math

import numpy as np
from jax import lax

from jaxseg.analysis.regions.accesses import accesses
from jaxseg.inference.exact.step import bind, lengths


def convolution(step, xs):
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
    return found.reshape(lengths(step.want[0]))


def pooling(step, xs):
    node, params = step.node, dict(step.node.eqn.params)
    fill = {"reduce_window_sum": 0, "reduce_window_max": -np.inf}
    fill["reduce_window_min"] = np.inf
    empty = fill[node.kind] if node.kind in fill else xs[1]
    x = step.by_dims(0, xs[0], accesses(node)[0], fill=empty)
    params["padding"] = ((0, 0),) * x.ndim
    if "base_dilation" in params:
        params["base_dilation"] = (1,) * x.ndim
    (found,) = bind(node, [x, *xs[1:]], params)
    return found.reshape(lengths(step.want[0]))


def moved(step, xs):
    """Computes the results of a slice, split or padding that a tile needs.

    Args:
      step: The operation, which parts of its operands are in memory, and which parts of
        its results the tile needs.
      xs: For each operand, the part that is in memory.

    Returns:
      The part of each result that the tile needs, or None if it needs no part of the
      result.
    """
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
        results.append(x.reshape(lengths(spans)))
    return results
