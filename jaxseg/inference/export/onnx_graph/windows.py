"""Converts JAX convolutions and poolings to ONNX nodes.

ONNX computes them on arrays with channels first, so the axes are transposed.
"""

from __future__ import annotations

import functools
import math

import numpy as np

from jaxseg.inference.export.onnx_graph.graph import Value
from jaxseg.inference.export.onnx_graph.movement import full_name, padded, transposed
from jaxseg.inference.export.onnx_graph.sizes import is_known


def _convolution(graph, equation, operands):
    params = equation.params
    numbers = params["dimension_numbers"]
    if params["batch_group_count"] != 1:
        raise ValueError(
            "ONNX export does not support convolutions with batch_group_count > 1, "
            "which this network uses. Export to .stablehlo instead."
        )
    x = transposed(
        graph, full_name(graph, operands[0], equation.invars[0]), numbers.lhs_spec
    )
    kernel = _kernel(graph, operands[1], equation.invars[1], numbers.rhs_spec)
    pads = [tuple(pair) for pair in params["padding"]]
    spread = params["lhs_dilation"]
    if max(spread) > 1:
        x, pads = _with_zeros(graph, x, spread, pads)
    x, pads = _outside(graph, x, pads)
    before, after = zip(*pads, strict=True)
    name = graph.add(
        "Conv",
        x,
        kernel,
        strides=list(params["window_strides"]),
        dilations=list(params["rhs_dilation"]),
        pads=[*before, *after],
        group=params["feature_group_count"],
    )
    return [Value(transposed(graph, name, _inverse(numbers.out_spec)))]


def _kernel(graph, value, variable, spec):
    if not value.known:
        return transposed(graph, full_name(graph, value, variable), spec)
    array = np.broadcast_to(value.data, variable.aval.shape)
    return graph.constant(np.ascontiguousarray(array.transpose(spec)))


def _inverse(order):
    return tuple(int(axis) for axis in np.argsort(order))


def _with_zeros(graph, x, spread, pads):
    """Inserts zeros between the pixels of a feature map, for transposed convolutions.

    Args:
      graph: The graph, to which the nodes are added.
      x: The name of the feature map, [B, C, h, w].
      spread: The factor by which each of the two sides grows.
      pads: The padding of the convolution before and after each of the two sides.

    Returns:
      The name of the larger feature map, which also has zeros after its last pixels,
      and the padding that the convolution still has to add.
    """
    for axis, factor in enumerate(spread, 2):
        if factor == 1:
            continue
        x = graph.add("Unsqueeze", x, [axis + 1])
        widths = [0] * 10
        widths[5 + axis + 1] = factor - 1
        x = graph.add("Pad", x, widths, np.float32(0), mode="constant")
        x = _merged(graph, x, axis)
    first, last = pads[0], pads[1]
    return x, [
        (first[0], first[1] - (spread[0] - 1)),
        (last[0], last[1] - (spread[1] - 1)),
    ]


def _merged(graph, x, axis):
    """Merges an axis of the 5-dimensional tensor `x` with the next one."""
    shape = graph.add("Shape", x)
    before = graph.add("Slice", shape, [0], [axis], [0])
    after = graph.add("Slice", shape, [axis + 2], [5], [0])
    return graph.add(
        "Reshape", x, graph.add("Concat", before, np.array([-1]), after, axis=0)
    )


def _outside(graph, x, pads):
    """Adds nodes for padding that the operator `Conv` does not support.

    This is padding that is negative or whose width depends on the size of the image.
    Returns the name of the padded feature map and the padding that `Conv` has to add.
    """
    plain = [is_known(pair) and min(pair) >= 0 for pair in pads]
    if all(plain):
        return x, pads
    x = padded(graph, x, [(0, 0), (0, 0), *pads], np.float32(0))
    return x, [(0, 0)] * len(pads)


def _pool(maximum, graph, equation, operands):
    params = equation.params
    window, steps = params["window_dimensions"], params["window_strides"]
    pads, rates = params["padding"], params["window_dilation"]
    array = equation.invars[0].aval
    axes = [
        axis
        for axis in range(array.ndim)
        if (window[axis], steps[axis], tuple(pads[axis])) != (1, 1, (0, 0))
    ]
    if max(params["base_dilation"]) > 1 or len(axes) > 2 or array.ndim != 4:
        raise ValueError(
            "ONNX export supports only pooling over at most two axes of an array with "
            "four axes, without dilation of the input. This network uses another "
            "pooling. Export to .stablehlo instead."
        )
    name = full_name(graph, operands[0], equation.invars[0])
    if not axes:
        return [Value(name)]
    pooled = sorted(
        {*axes, *[a for a in (1, 2, 3, 0) if a not in axes][: 2 - len(axes)]}
    )
    order = [axis for axis in range(4) if axis not in pooled] + pooled
    name = transposed(graph, name, order)
    fill = -np.inf if maximum else 0
    widths = [tuple(pads[axis]) for axis in pooled]
    extents = [window[axis] for axis in pooled]
    inside = all(
        is_known(pair) and min(pair) >= 0 and max(pair) < extent
        for pair, extent in zip(widths, extents, strict=True)
    )
    if not inside or not maximum:
        # An average with padding has several definitions, so zeros are written out.
        name = padded(graph, name, [(0, 0), (0, 0), *widths], np.float32(fill))
        widths = [(0, 0), (0, 0)]
    before, after = zip(*widths, strict=True)
    attributes = {
        "kernel_shape": extents,
        "strides": [steps[axis] for axis in pooled],
        "pads": [*before, *after],
    }
    if maximum:
        attributes["dilations"] = [rates[axis] for axis in pooled]
        name = graph.add("MaxPool", name, **attributes)
    elif max(rates) > 1:
        raise ValueError(
            "ONNX export does not support sums over dilated (atrous) windows, which "
            "this network uses. Export to .stablehlo instead."
        )
    else:
        name = graph.add("AveragePool", name, **attributes)
        name = graph.add("Mul", name, np.float32(math.prod(extents)))
    return [Value(transposed(graph, name, _inverse(order)))]


RULES = {
    "conv_general_dilated": _convolution,
    "reduce_window_max": functools.partial(_pool, True),
    "reduce_window_sum": functools.partial(_pool, False),
}
