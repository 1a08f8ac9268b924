"""Loss and gradient of a batch, whole or in micro-batches (gradient accumulation).

A loss term is sum(value * weight) / sum(weight) over the *global* batch, so a mean of
the micro-batches' means would be wrong wherever they hold different numbers of labelled
pixels. Two exact ways lie here, each a `lax.scan` with one micro-batch's memory:

- terms that are sums over examples: their weights are added up first (for weights made
  from labels alone XLA drops the network from that pass), then each micro-batch adds
  its gradient of value * weight / total.
- other losses (Lovasz or Dice over the batch, hard pixel mining, balanced edges): a
  first pass collects the network's outputs, the loss and its gradient with respect to
  them are taken over the whole batch, a second pass carries that gradient back
  (gradient caching, arXiv 2101.06983). It costs a second forward pass, and keeps the
  outputs of the whole batch.

Which one is `loss_fn.additive(outputs)`, see `losses.build`; a function without it goes
the second way. Batch normalisation sees one micro-batch at a time, and its running
statistics move once for each. Every micro-batch draws its own dropout.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxseg.losses import objective
from jaxseg.losses.reduction import Term, total

Batch = Mapping[str, jax.Array]


class Problem(NamedTuple):
    """What is differentiated: a network, its objective, and what to count beside.

    Attributes:
      forward: params, batch_stats, batch, key -> outputs, new batch_stats.
      loss_fn: outputs, batch -> {name: (value, weight, coefficient)}.
      count: outputs, batch -> {name: number}, added up over the batch.
      axis_name: pmap's axis.
    """

    forward: Callable[[Any, Any, Batch, jax.Array], tuple[Any, Any]]
    loss_fn: Callable[[Any, Batch], dict[str, Term]]
    count: Callable[[Any, Batch], dict[str, jax.Array]]
    axis_name: str | None


class Result(NamedTuple):
    """Under pmap this device's shares, which the step adds up (statistics apart)."""

    loss: jax.Array
    parts: dict[str, jax.Array]
    gradient: Any
    batch_stats: Any
    counts: dict[str, jax.Array]


def differentiate(
    problem: Problem,
    params: Any,
    stats: Any,
    batch: Batch,
    key: jax.Array,
    *,
    count: int = 1,
) -> Result:
    """Loss and gradient of the batch, in `count` micro-batches."""
    if count < 1:
        raise ValueError(f"accumulate is {count}; allowed is >= 1")
    if count == 1:
        return whole(problem, params, stats, batch, key)
    return accumulated(problem, params, stats, batch, key, count=count)


def whole(
    problem: Problem, params: Any, stats: Any, batch: Batch, key: jax.Array
) -> Result:
    """Loss and gradient of the batch in one piece."""

    def share(params):
        outputs, new = problem.forward(params, stats, batch, key)
        loss, parts = objective(problem.loss_fn(outputs, batch), problem.axis_name)
        return loss, (parts, new, problem.count(outputs, batch))

    (loss, (parts, new, counts)), gradient = jax.value_and_grad(share, has_aux=True)(
        params
    )
    return Result(loss, parts, gradient, new, counts)


def accumulated(
    problem: Problem,
    params: Any,
    stats: Any,
    batch: Batch,
    key: jax.Array,
    *,
    count: int,
) -> Result:
    """The same in `count` micro-batches, one after the other.

    Micro-batch j holds the examples j, j + count, ...: where the batch is sharded in
    consecutive parts every device keeps its own examples. Entries without axes, such
    as "step", go to every micro-batch.
    """
    _check(batch, count)
    shared = {name: x for name, x in batch.items() if jnp.ndim(x) == 0}
    parts = {name: split(x, count) for name, x in batch.items() if name not in shared}

    def forward(params, stats, micro):
        number, part = micro
        part = {**part, **shared}
        key_here = jax.random.fold_in(key, number)
        return *problem.forward(params, stats, part, key_here), part

    def outputs_of(batch):
        return problem.forward(params, stats, batch, key)[0]

    shapes = jax.eval_shape(outputs_of, batch)
    micros = (jnp.arange(count), parts)
    additive = getattr(problem.loss_fn, "additive", lambda outputs: False)
    if additive(shapes):
        return _by_weights(problem, forward, params, stats, micros)
    return _by_outputs(problem, forward, params, stats, micros, batch, shapes)


def split(x: jax.Array, count: int) -> jax.Array:
    """[B, ...] to [count, B / count, ...]; row j has the examples j, j + count, ..."""
    return x.reshape(-1, count, *x.shape[1:]).swapaxes(0, 1)


def merge(x: jax.Array) -> jax.Array:
    """The inverse of `split`."""
    return x.swapaxes(0, 1).reshape(-1, *x.shape[2:])


def _by_weights(problem, forward, params, stats, micros):
    def weigh(stats, micro):
        outputs, stats, part = forward(params, stats, micro)
        terms = problem.loss_fn(outputs, part)
        return stats, {name: weight.sum() for name, (_, weight, _) in terms.items()}

    weights = _sum(jax.lax.scan(weigh, stats, micros)[1])
    weights = total(weights, problem.axis_name)
    weights = {name: jnp.where(w > 0, w, 1.0) for name, w in weights.items()}

    def share(params, stats, micro):
        outputs, new, part = forward(params, stats, micro)
        terms = problem.loss_fn(outputs, part)
        parts = {
            name: (value * weight).sum() / weights[name]
            for name, (value, weight, _) in terms.items()
        }
        loss = sum(terms[name][2] * value for name, value in parts.items())
        loss = jnp.asarray(loss, jnp.float32)
        return loss, (parts, new, problem.count(outputs, part))

    def add(carry, micro):
        gradient, stats = carry
        (loss, (parts, stats, counts)), more = jax.value_and_grad(share, has_aux=True)(
            params, stats, micro
        )
        return (_add(gradient, more), stats), (loss, parts, counts)

    zero = jax.tree.map(jnp.zeros_like, params)
    (gradient, stats), rows = jax.lax.scan(add, (zero, stats), micros)
    loss, parts, counts = _sum(rows)
    return Result(loss, parts, gradient, stats, counts)


def _by_outputs(problem, forward, params, stats, micros, batch, shapes):
    def look(stats, micro):
        outputs, stats, part = forward(params, stats, micro)
        return stats, (_real(outputs), problem.count(outputs, part))

    _, (rows, counts) = jax.lax.scan(look, stats, micros)
    form, shapes = jax.tree.structure(shapes), _real(shapes)

    def share(outputs):
        terms = problem.loss_fn(jax.tree.unflatten(form, outputs), batch)
        return objective(terms, problem.axis_name)

    joined = [_join(row, shape) for row, shape in zip(rows, shapes, strict=True)]
    (loss, parts), slopes = jax.value_and_grad(share, has_aux=True)(joined)
    slopes = [_part(slope, row) for slope, row in zip(slopes, rows, strict=True)]

    def add(carry, given):
        gradient, stats = carry
        micro, slopes = given

        def run(params):
            outputs, new, _ = forward(params, stats, micro)
            return _real(outputs), new

        _, back, stats = jax.vjp(run, params, has_aux=True)
        return (_add(gradient, back(slopes)[0]), stats), None

    zero = jax.tree.map(jnp.zeros_like, params)
    (gradient, stats), _ = jax.lax.scan(add, (zero, stats), (micros, slopes))
    return Result(loss, parts, gradient, stats, _sum(counts))


def _join(rows, shape):
    """Outputs [count, ...] of the micro-batches as one, of the whole batch's shape.

    An output that is no example's (a learnt weight) is the same in all of them.
    """
    if rows.shape[1:] == shape.shape:
        return rows.mean(0)
    return merge(rows)


def _part(slope, rows):
    """The gradient of `_join`."""
    if rows.shape[1:] == slope.shape:
        return jnp.broadcast_to(slope / rows.shape[0], rows.shape)
    return split(slope, rows.shape[0])


def _real(outputs):
    """The arrays of the outputs in order; ValueError for one without a gradient."""
    leaves = jax.tree.leaves(outputs)
    for leaf in leaves:
        if not jnp.issubdtype(leaf.dtype, jnp.floating):
            raise ValueError(
                f"accumulate: an output has type {leaf.dtype}; allowed are floats "
                "where the loss is no sum over examples"
            )
    return leaves


def _sum(rows):
    return jax.tree.map(lambda x: x.sum(0), rows)


def _add(tree, more):
    return jax.tree.map(jnp.add, tree, more)


def _check(batch, count):
    for name, x in batch.items():
        if jnp.ndim(x) and x.shape[0] % count:
            raise ValueError(
                f"accumulate is {count}; {name} holds {x.shape[0]} examples here, "
                f"allowed are multiples of {count}"
            )
