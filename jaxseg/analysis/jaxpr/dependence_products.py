"""Determines the image rows that results of pooling, products and gathers depend on.

Products are convolutions and matrix products. Each function is a rule that derives the
image rows that the results depend on from those that the operands depend on.
`jaxseg.analysis.jaxpr.dependence_rules` describes the arguments and results of a rule.
"""

from __future__ import annotations

import numpy as np

from jaxseg.analysis.jaxpr.dependence_mask import everything, given, join, window


def _shape(eqn):
    return eqn.invars[0].aval.shape


def reduce_window(eqn, spreads, known):
    params = eqn.params
    spread = join(given(spreads), _shape(eqn))
    rank = len(_shape(eqn))
    ones = (1,) * rank
    for dim in range(rank):
        options = {
            "taps": params["window_dimensions"][dim],
            "stride": params["window_strides"][dim],
            "rate": params.get("window_dilation", ones)[dim],
            "spread": params.get("base_dilation", ones)[dim],
            "padding": params["padding"][dim],
        }
        spread = spread.along(dim, lambda mask, o=options: window(mask, **o))
    return [spread]


def convolution(eqn, spreads, known):
    spread, kernel = spreads
    if spread is None or kernel is not None:
        return everything(eqn, spreads, known)
    params = eqn.params
    numbers = params["dimension_numbers"]
    spread = spread.without([numbers.lhs_spec[1]])
    taps = eqn.invars[1].aval.shape
    for i, dim in enumerate(numbers.lhs_spec[2:]):
        options = {
            "taps": taps[numbers.rhs_spec[2 + i]],
            "stride": params["window_strides"][i],
            "rate": params["rhs_dilation"][i],
            "spread": params["lhs_dilation"][i],
            "padding": params["padding"][i],
        }
        spread = spread.along(dim, lambda mask, o=options: window(mask, **o))
    if params["batch_group_count"] > 1:
        spread = spread.without([numbers.lhs_spec[0]])
    return [spread.renamed(dict(zip(numbers.lhs_spec, numbers.out_spec, strict=True)))]


def dot_general(eqn, spreads, known):
    sides = [
        _product(eqn, side=side, spread=spreads[side], other=known[1 - side])
        for side in (0, 1)
        if spreads[side] is not None
    ]
    return [join(sides, eqn.outvars[0].aval.shape)]


def _product(eqn, side, spread, other):
    """Returns the dependence through one operand; zeros of a constant block it."""
    contracted, batch = (pairs[side] for pairs in eqn.params["dimension_numbers"])
    contracted_there, batch_there = (
        pairs[1 - side] for pairs in eqn.params["dimension_numbers"]
    )
    ranks = [len(var.aval.shape) for var in eqn.invars]
    free = [
        [d for d in range(ranks[s]) if d not in (*c, *b)]
        for s, c, b in (
            (side, contracted, batch),
            (1 - side, contracted_there, batch_there),
        )
    ]
    own = len(batch) + (len(free[1]) if side == 1 else 0)
    names = {dim: i for i, dim in enumerate(batch)}
    names |= {dim: own + i for i, dim in enumerate(free[0])}
    carrying = [dim for dim in contracted if dim in spread.dims]
    if other is None or len(carrying) != 1 or len(free[1]) != 1 or batch:
        return spread.without(contracted).renamed(names)
    (dim,) = carrying
    axis = contracted_there[contracted.index(dim)]
    pattern = np.asarray(other) != 0
    rest = tuple(a for a in range(pattern.ndim) if a not in (axis, free[1][0]))
    pattern = pattern.any(rest)  # [contracted, free] or [free, contracted]
    pattern = pattern if axis < free[1][0] else pattern.T
    mixed = spread.without([d for d in contracted if d != dim]).along(
        dim, lambda mask: _mix(pattern, mask)
    )
    return mixed.renamed(names | {dim: len(free[0]) if side == 0 else 0})


def _mix(pattern, mask):
    """Returns the Boolean product [m, ..., N] of [k, m] and [k, ..., N]."""
    flat = mask.reshape(mask.shape[0], -1).astype(np.float32)
    mixed = pattern.T.astype(np.float32) @ flat > 0
    return mixed.reshape(pattern.shape[1], *mask.shape[1:])


def gather(eqn, spreads, known):
    """Returns a list with the `Spread` of the result of a gather.

    The `Spread` states the image rows that the result depends on. It is exact for
    `jnp.take` with constant indices along one dimension. Otherwise, it can contain too
    many rows.
    """
    spread, positions = spreads
    index, numbers = known[1], eqn.params["dimension_numbers"]
    shape, sizes = _shape(eqn), eqn.params["slice_sizes"]
    cut = [d for d, size in enumerate(sizes) if size != shape[d]]
    plain = not numbers.operand_batching_dims and positions is None and spread
    if not plain or len(numbers.start_index_map) != 1 or len(cut) > 1:
        return everything(eqn, spreads, known)
    (dim,) = numbers.start_index_map
    collapsed = numbers.collapsed_slice_dims
    kept = [d for d in range(len(shape)) if d not in collapsed]
    names = dict(zip(kept, numbers.offset_dims, strict=True))
    places = [
        d for d in range(len(eqn.outvars[0].aval.shape)) if d not in names.values()
    ]
    if dim not in spread.dims:
        return [spread.without(collapsed).renamed(names)]
    if index is None or dim not in collapsed or len(places) != 1:
        return [spread.without([dim]).renamed(names)]
    rows = np.clip(np.asarray(index)[..., 0], 0, shape[dim] - 1)
    picked = spread.along(dim, lambda mask: mask[rows])
    return [picked.renamed(names | {dim: places[0]})]
