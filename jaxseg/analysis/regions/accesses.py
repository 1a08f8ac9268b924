"""Determines which positions of the operands an operation reads for its results."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from jaxseg.analysis.regions.arrays import Node, Span, Value, full
from jaxseg.analysis.regions.layouts import REDUCTIONS, SAME, regrouped


class Access(NamedTuple):
    """Describes which positions of an operand an operation reads along one dimension.

    Entry i of the result reads the positions scale * i + shift to
    scale * i + shift + width - 1. They are counted in the dilated operand, which has
    spread - 1 additional positions between neighboring entries of the operand.

    Attributes:
      out: The index of the dimension of the result along which i runs.
      scale: The step between the first positions that entries i and i + 1 read.
      shift: The first position that entry 0 reads; negative if it is in the padding.
      width: The number of positions from the first to the last one that an entry reads.
      spread: The dilation of the operand: entry k of the operand is at position
        spread * k.
    """

    out: int
    scale: int = 1
    shift: int = 0
    width: int = 1
    spread: int = 1

    def interval(self, span: Span) -> Span:
        """Returns the interval of operand positions that a part of the result needs.

        The positions are counted in the operand after its dilation, and can lie in its
        padding. Both intervals are `Span` objects.

        Args:
          span: The interval along the dimension `out` of the result.
        """
        start = span.start * self.scale + self.shift
        length = (span.length - 1) * self.scale + self.width
        return Span(span.axis, start, length, span.live)

    def positions(self, span: Span) -> Span:
        """Returns the interval of operand entries that a part of the result needs.

        The entries are counted in the operand before its dilation. Both intervals are
        `Span` objects.

        Args:
          span: The interval along the dimension `out` of the result.
        """
        wide = self.interval(span)
        first = -(-wide.start // self.spread)
        last = (wide.start + wide.length - 1) // self.spread + 1
        return Span(wide.axis, first, max(1, int(np.max(last - first))), wide.live)


Accesses = list[list[Access | None] | None]


def span_of(value: Value, spans: list[Span], dim: int) -> Span:
    """Returns the interval that tiles need along one dimension of an array.

    Args:
      value: The array.
      spans: The intervals that tiles need, in the order of `value.lines`: one for each
        ordinary dimension, and one for each factor of a merged dimension.
      dim: The index of the dimension, which is not merged from several others.

    Returns:
      The interval as a `Span`. If the dimension has size 1, it is the whole dimension.
    """
    places = value.places(dim)
    return spans[places[0]] if places else full(1)


def accesses(node: Node, out: int = 0) -> Accesses | None:
    """Returns which positions an operation reads in each dimension of each operand.

    Args:
      node: The operation. No dimension of its operands is merged from several others.
      out: The index of the result, for an operation with several results.

    Returns:
      A list with one item for each operand. The item is None if the whole operand is
      needed. Otherwise it is a list with an item for each dimension: an `Access`, which
      describes the positions that are read, or None if all positions are needed. The
      result is None instead of a list if no `Access` can describe the operation.
    """
    name, rank = node.kind, len(node.ins[0].dims)
    rest: Accesses = [None] * (len(node.ins) - 1)
    if name.startswith("reduce_window"):
        return [_pooling(node), *rest]
    if name == "conv_general_dilated":
        return [_convolution(node), None]
    if name == "pad":
        edges = node.params["padding_config"]
        found = [Access(d, 1, -e[0], 1, e[2] + 1) for d, e in enumerate(edges)]
        return [found, *rest]
    if name == "slice":
        starts = node.params["start_indices"]
        steps = node.params["strides"] or (1,) * rank
        return [[Access(d, steps[d], starts[d]) for d in range(rank)]]
    if name == "dynamic_slice" and _known(node.ins[1:]):
        starts = _starts(node.ins[0], node.ins[1:], node.params["slice_sizes"])
        return [[Access(d, 1, starts[d]) for d in range(rank)], *rest]
    same = [Access(d) for d in range(rank)]
    if name == "split":
        axis, sizes = node.params["axis"], node.params["sizes"]
        same[axis] = Access(axis, 1, int(np.sum(sizes[:out])))
        return [same]
    if name == "dynamic_update_slice" and _known(node.ins[2:]):
        starts = _starts(node.ins[0], node.ins[2:], node.ins[1].shape)
        update = [Access(d, 1, -starts[d]) for d in range(rank)]
        return [same, update, *rest[1:]]
    return None


def _known(values):
    return all(value.known is not None for value in values)


def _pooling(node):
    params = node.params
    window = params["window_dimensions"]
    ones = (1,) * len(window)
    rate = params.get("window_dilation", ones)
    base = params.get("base_dilation", ones)
    return [
        Access(
            d,
            scale=params["window_strides"][d],
            shift=-params["padding"][d][0],
            width=rate[d] * (window[d] - 1) + 1,
            spread=base[d],
        )
        for d in range(len(window))
    ]


def _convolution(node):
    params, kernel = node.params, node.ins[1].shape
    numbers = params["dimension_numbers"]
    found: list[Access | None] = [None] * len(numbers.lhs_spec)
    found[numbers.lhs_spec[0]] = Access(numbers.out_spec[0])
    for i, dim in enumerate(numbers.lhs_spec[2:]):
        taps = kernel[numbers.rhs_spec[2 + i]]
        found[dim] = Access(
            numbers.out_spec[2 + i],
            scale=params["window_strides"][i],
            shift=-params["padding"][i][0],
            width=params["rhs_dilation"][i] * (taps - 1) + 1,
            spread=params["lhs_dilation"][i],
        )
    return found


def _starts(value, indices, sizes):
    return [
        int(np.clip(index.known, 0, full - size))
        for index, full, size in zip(indices, value.shape, sizes, strict=True)
    ]


def taken(node: Node) -> tuple[int, int, np.ndarray] | None:
    """Returns the dimensions and the indices of a `jnp.take` with constant indices.

    Args:
      node: An operation `lax.gather`.

    Returns:
      Three values: the indexed dimension of the operand, the corresponding dimension of
      the result, and the array of the indices. None if the operation is not such a
      `jnp.take`.
    """
    numbers, index = node.params["dimension_numbers"], node.ins[1].known
    sizes, shape = node.params["slice_sizes"], node.ins[0].shape
    collapsed = numbers.collapsed_slice_dims
    if index is None or numbers.operand_batching_dims or len(collapsed) != 1:
        return None
    (dim,) = collapsed
    others = all(sizes[d] == shape[d] for d in range(len(shape)) if d != dim)
    rank = len(node.outs[0].dims)
    free = [d for d in range(rank) if d not in numbers.offset_dims]
    if numbers.start_index_map != (dim,) or not others or free != [dim]:
        return None
    return dim, dim, np.clip(np.asarray(index)[..., 0], 0, shape[dim] - 1)


def index_span(index: np.ndarray, span: Span, size: int) -> Span:
    """Returns the interval of an array's positions that `jnp.take` reads in each tile.

    Args:
      index: The constant indices with which `jnp.take` reads one dimension of the
        array.
      span: The interval of entries of `index` that each tile uses.
      size: The size of this dimension of the array.

    Returns:
      The smallest interval, a `Span`, that contains all positions to which these
      entries of `index` point.
    """
    starts = np.atleast_1d(span.start)
    rows = index[starts[:, None] + np.arange(span.length)]
    low, high = rows.min(1), rows.max(1) + 1
    if span.axis is None:
        return Span(None, int(low[0]), int(high[0] - low[0]))
    length = int((high - low).max())
    return Span(span.axis, np.minimum(low, size - length), length, span.live)


def has_rule(node: Node) -> bool:
    """Returns whether a part of an operation's result needs only parts of its operands.

    It returns True for all reductions, even if they combine the whole image, because
    each tile can compute a partial result.

    Args:
      node: The operation.
    """
    name = node.kind
    if name == "gather":
        return taken(node) is not None
    if name == "reshape":
        return regrouped(node.ins[0].dims, node.outs[0].shape) is not None
    if name in (
        "transpose",
        "squeeze",
        "broadcast_in_dim",
        "concatenate",
        "stack",
        "rev",
    ):
        return True
    if name in SAME or name in REDUCTIONS or name in ("dot_general", "merge"):
        return True
    return accesses(node) is not None
