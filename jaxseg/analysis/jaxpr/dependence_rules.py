"""Determines the image rows that the results of each JAX primitive depend on.

`jaxseg.analysis.jaxpr.dependence` applies these rules. A rule is a function of an
equation of the jaxpr (`eqn`), the `Spread` of each operand for one image axis
(`spreads`, None for operands that do not depend on the image) and the value of each
operand that is a known constant (`known`). It returns the `Spread` of each result.
"""

from __future__ import annotations

import numpy as np

from jaxseg.analysis.jaxpr.dependence_mask import (
    Spread,
    everything,
    given,
    join,
    nothing,
    padded,
    reshaped,
)
from jaxseg.analysis.jaxpr.dependence_products import (
    convolution,
    dot_general,
    gather,
    reduce_window,
)

# fmt: off
ELEMENTWISE = frozenset((
    "abs", "acos", "acosh", "add", "add_any", "and", "asin", "asinh", "atan", "atan2",
    "atanh", "cbrt", "ceil", "clamp", "copy", "convert_element_type", "cos", "cosh",
    "digamma", "div", "eq", "erf", "erf_inv", "erfc", "exp", "exp2", "expm1", "floor",
    "ge", "gt", "imag", "integer_pow", "is_finite", "le", "lgamma", "log", "log1p",
    "logistic", "lt", "max", "min", "mul", "ne", "neg", "nextafter", "not", "or",
    "population_count", "pow", "real", "reduce_precision", "rem", "round", "rsqrt",
    "select_n", "shift_left", "shift_right_logical", "shift_right_arithmetic", "sign",
    "sin", "sinh", "sqrt", "square", "stop_gradient", "sub", "tan", "tanh", "xor",
    "optimization_barrier", "sharding_constraint", "name", "materialize",
))
# fmt: on


def elementwise(eqn, spreads, known):
    if len(eqn.outvars) > 1:  # In a barrier, each operand passes separately.
        return list(spreads)
    shape, found = eqn.outvars[0].aval.shape, []
    for i, spread in enumerate(spreads):
        if spread is None:
            continue
        own = eqn.invars[i].aval.shape
        spread = spread.without([d for d, n in enumerate(own) if n == 1 != shape[d]])
        if eqn.primitive.name == "mul" and known[1 - i] is not None:
            spread = _where_not_zero(spread, np.asarray(known[1 - i]), shape)
        found.append(spread)
    return [join(found, shape)]


def _where_not_zero(spread, factor, shape):
    """Removes the dependence where a constant factor is zero."""
    if factor.ndim != len(shape):
        return spread
    repeated = tuple(slice(0, 1) if not n else slice(None) for n in factor.strides)
    pattern = factor[repeated] != 0
    for dim in spread.dims:
        line = pattern.any(tuple(d for d in range(len(shape)) if d != dim))
        if line.size == shape[dim]:
            spread = spread.along(
                dim, lambda m, line=line: m & line.reshape(-1, *(1,) * (m.ndim - 1))
            )
    return spread


def _shape(eqn):
    return eqn.invars[0].aval.shape


def _numbers(removed, rank):
    """Returns the new numbers of the dimensions that remain when some are removed."""
    kept = [dim for dim in range(rank) if dim not in removed]
    return {dim: i for i, dim in enumerate(kept)}


def broadcast_in_dim(eqn, spreads, known):
    shape, old = eqn.params["shape"], _shape(eqn)
    places = eqn.params["broadcast_dimensions"]
    grown = [d for d, place in enumerate(places) if old[d] == 1 != shape[place]]
    return [spreads[0].without(grown).renamed(dict(enumerate(places)))]


def reshape(eqn, spreads, known):
    return [reshaped(spreads[0], _shape(eqn), eqn.outvars[0].aval.shape)]


def squeeze(eqn, spreads, known):
    dims, rank = eqn.params["dimensions"], len(_shape(eqn))
    return [spreads[0].without(dims).renamed(_numbers(dims, rank))]


def transpose(eqn, spreads, known):
    places = {old: new for new, old in enumerate(eqn.params["permutation"])}
    return [spreads[0].renamed(places)]


def rev(eqn, spreads, known):
    spread = spreads[0]
    for dim in eqn.params["dimensions"]:
        spread = spread.along(dim, lambda mask: mask[::-1])
    return [spread]


def slice_(eqn, spreads, known):
    spread, rank = spreads[0], len(_shape(eqn))
    steps = eqn.params["strides"] or (1,) * rank
    starts, stops = eqn.params["start_indices"], eqn.params["limit_indices"]
    for dim in range(rank):
        cut = slice(starts[dim], stops[dim], steps[dim])
        spread = spread.along(dim, lambda mask, cut=cut: mask[cut])
    return [spread]


def dynamic_slice(eqn, spreads, known):
    """Returns a list with the `Spread` of the result of `lax.dynamic_slice`.

    The `Spread` states the image rows that the result depends on. It is exact if the
    start of the slice is a constant. Otherwise, each element is assumed to depend on
    all positions along the sliced axes.
    """
    spread, old = spreads[0], _shape(eqn)
    if spread is None or any(s is not None for s in spreads[1:]):
        return everything(eqn, spreads, known)
    for dim, (size, full) in enumerate(
        zip(eqn.params["slice_sizes"], old, strict=True)
    ):
        if size == full:
            continue
        start = known[1 + dim]
        if start is None:
            spread = spread.without([dim])
        else:
            first = int(np.clip(start, 0, full - size))
            cut = slice(first, first + size)
            spread = spread.along(dim, lambda mask, cut=cut: mask[cut])
    return [spread]


def dynamic_update_slice(eqn, spreads, known):
    """Returns a list with the `Spread` of the result of `lax.dynamic_update_slice`.

    The `Spread` states the image rows that the result depends on. It is exact if the
    start of the slice is a constant. Otherwise, it can contain too many rows.
    """
    starts = known[2:]
    if any(s is not None for s in spreads[2:]) or any(s is None for s in starts):
        return everything(eqn, spreads, known)
    full, part = (var.aval.shape for var in eqn.invars[:2])
    some = given(spreads[:2])
    dims = tuple(sorted({d for spread in some for d in spread.dims}))
    base, new = (
        (spread or nothing(some[0])).over(dims, shape)
        for spread, shape in zip(spreads[:2], (full, part), strict=True)
    )
    firsts = [int(np.clip(starts[d], 0, full[d] - part[d])) for d in dims]
    where = tuple(slice(f, f + part[d]) for f, d in zip(firsts, dims, strict=True))
    whole = all(part[d] == full[d] for d in range(len(full)) if d not in dims)
    mask = base.copy()
    mask[where] = new if whole else new | base[where]
    return [Spread(dims, mask)]


def order_after(eqn, spreads, known):
    return [spreads[0]]


def pad(eqn, spreads, known):
    spread, value = spreads
    if spread is None or value is not None:
        return everything(eqn, spreads, known)
    for dim, (low, high, interior) in enumerate(eqn.params["padding_config"]):
        spread = spread.along(
            dim,
            lambda mask, edges=(low, high), gap=interior: padded(mask, edges, gap),
        )
    return [spread]


def concatenate(eqn, spreads, known):
    dim, some = eqn.params["dimension"], given(spreads)
    dims = tuple(sorted({d for spread in some for d in spread.dims}))
    shapes = [var.aval.shape for var in eqn.invars]
    if dim not in dims:
        return [join(some, shapes[0])]
    masks = [
        (spread or nothing(some[0])).over(dims, shape)
        for spread, shape in zip(spreads, shapes, strict=True)
    ]
    return [Spread(dims, np.concatenate(masks, dims.index(dim)))]


def split(eqn, spreads, known):
    dim, stops = eqn.params["axis"], np.cumsum(eqn.params["sizes"])
    cuts = zip((0, *stops[:-1]), stops, strict=True)
    return [spreads[0].along(dim, lambda m, a=a, b=b: m[a:b]) for a, b in cuts]


def stack(eqn, spreads, known):
    axis, shape = eqn.params["axis"], _shape(eqn)
    names = {d: d + (d >= axis) for d in range(len(shape))}
    return [join(given(spreads), shape).renamed(names)]


def reduce(eqn, spreads, known):
    axes, rank = eqn.params["axes"], len(_shape(eqn))
    spread = join([s.without(axes) for s in given(spreads)], _shape(eqn))
    return [spread.renamed(_numbers(axes, rank))] * len(eqn.outvars)


def cumulative(eqn, spreads, known):
    def change(mask):
        if eqn.params["reverse"]:
            return np.logical_or.accumulate(mask[::-1])[::-1]
        return np.logical_or.accumulate(mask)

    return [spreads[0].along(eqn.params["axis"], change)]


def sort(eqn, spreads, known):
    shape, dim = _shape(eqn), eqn.params["dimension"]
    spread = join(given(spreads), shape).without([dim])
    return [spread] * len(eqn.outvars)


RULES = {
    "broadcast_in_dim": broadcast_in_dim,
    "reshape": reshape,
    "squeeze": squeeze,
    "transpose": transpose,
    "rev": rev,
    "slice": slice_,
    "dynamic_slice": dynamic_slice,
    "dynamic_update_slice": dynamic_update_slice,
    "order_after": order_after,
    "pad": pad,
    "concatenate": concatenate,
    "split": split,
    "stack": stack,
    "sort": sort,
    "conv_general_dilated": convolution,
    "dot_general": dot_general,
    "gather": gather,
    **dict.fromkeys(("cumsum", "cumprod", "cummax", "cummin"), cumulative),
    "cumlogsumexp": cumulative,
    **dict.fromkeys(
        (
            f"reduce_{name}"
            for name in ("sum", "max", "min", "prod", "and", "or", "xor")
        ),
        reduce,
    ),
    "argmax": reduce,
    "argmin": reduce,
    "reduce_window": reduce_window,
    **dict.fromkeys(
        (f"reduce_window_{name}" for name in ("max", "min", "sum")), reduce_window
    ),
    **dict.fromkeys(ELEMENTWISE, elementwise),
}
