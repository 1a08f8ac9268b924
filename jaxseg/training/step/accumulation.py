"""Gradient accumulation: the loss and gradient of a batch, in micro-batches.

A term of the loss is sum(value * weight) / sum(weight) over the *global* batch. A mean
over the means of the micro-batches would be wrong wherever these hold different numbers
of labeled pixels. Two exact methods are implemented here, each a `lax.scan` that needs
the memory of one micro-batch:

- For terms that are plain sums over examples, the weights are summed first. (XLA drops
  the network from that pass when the weights depend on labels alone.) Each micro-batch
  then adds its gradient of value * weight / total.
- For losses that couple examples (Lovasz or Dice over the batch, mining of hard pixels,
  balanced edges), a first pass collects the outputs of the network. The loss and its
  gradient with respect to the outputs are computed over the whole batch, and a second
  pass propagates that gradient to the parameters (gradient caching, arXiv 2101.06983).
  This costs a second forward pass and keeps the outputs of the whole batch.

`loss_fn.additive(outputs)` decides between the two, see
`jaxseg.losses.objective.Objective`. A loss function without this method is treated as
coupled, which is always exact. Batch normalization sees one micro-batch at a time, and
its running statistics move once for each. Every micro-batch draws its own dropout.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from jaxseg.losses import total_loss
from jaxseg.losses.reduction import total
from jaxseg.training.step.gradient import Batch, Gradients, Problem


def accumulated_loss_and_grad(
    problem: Problem,
    params: Any,
    batch_stats: Any,
    batch: Batch,
    key: jax.Array,
    *,
    num_micro_batches: int,
) -> Gradients:
    """Returns what `loss_and_grad` does, computed one micro-batch after the other.

    Micro-batch j holds the examples j, j + n, j + 2 n, ... for n micro-batches: where
    the batch is sharded in consecutive parts, every device keeps its own examples.
    Entries without axes, such as "step", go to every micro-batch.

    Raises:
      ValueError: When the batch does not divide into the micro-batches.
    """
    _check(batch, num_micro_batches)
    shared = {name: x for name, x in batch.items() if jnp.ndim(x) == 0}
    parts = {
        name: split(x, num_micro_batches)
        for name, x in batch.items()
        if name not in shared
    }

    def forward(params, stats, micro_batch):
        number, part = micro_batch
        part = {**part, **shared}
        own_key = jax.random.fold_in(key, number)
        return *problem.forward(params, stats, part, own_key), part

    def outputs_of(batch):
        return problem.forward(params, batch_stats, batch, key)[0]

    shapes = jax.eval_shape(outputs_of, batch)
    micro_batches = (jnp.arange(num_micro_batches), parts)
    additive = getattr(problem.loss_fn, "additive", lambda outputs: False)
    if additive(shapes):
        return _sum_of_terms(problem, forward, params, batch_stats, micro_batches)
    return _through_outputs(
        problem, forward, params, batch_stats, micro_batches, batch, shapes
    )


def split(x: jax.Array, count: int) -> jax.Array:
    """Reshapes [B, ...] to [n, B / n, ...]; row j holds the examples j, j + n, ..."""
    return x.reshape(-1, count, *x.shape[1:]).swapaxes(0, 1)


def merge(x: jax.Array) -> jax.Array:
    """Inverts `split`."""
    return x.swapaxes(0, 1).reshape(-1, *x.shape[2:])


def _sum_of_terms(problem, forward, params, batch_stats, micro_batches):
    def weights_of(stats, micro_batch):
        outputs, stats, part = forward(params, stats, micro_batch)
        terms = problem.loss_fn(outputs, part)
        return stats, {name: weight.sum() for name, (_, weight, _) in terms.items()}

    weights = _sum(jax.lax.scan(weights_of, batch_stats, micro_batches)[1])
    weights = total(weights, problem.axis_name)
    weights = {name: jnp.where(w > 0, w, 1.0) for name, w in weights.items()}

    def loss(params, stats, micro_batch):
        outputs, new, part = forward(params, stats, micro_batch)
        terms = problem.loss_fn(outputs, part)
        parts = {
            name: (value * weight).sum() / weights[name]
            for name, (value, weight, _) in terms.items()
        }
        value = sum(terms[name][2] * part for name, part in parts.items())
        counts = problem.count(outputs, part)
        return jnp.asarray(value, jnp.float32), (parts, new, counts)

    def add(carry, micro_batch):
        gradient, stats = carry
        (value, (parts, stats, counts)), more = jax.value_and_grad(loss, has_aux=True)(
            params, stats, micro_batch
        )
        return (_add(gradient, more), stats), (value, parts, counts)

    zero = jax.tree.map(jnp.zeros_like, params)
    (gradient, stats), rows = jax.lax.scan(add, (zero, batch_stats), micro_batches)
    value, parts, counts = _sum(rows)
    return Gradients(value, parts, gradient, stats, counts)


def _through_outputs(
    problem, forward, params, batch_stats, micro_batches, batch, shapes
):
    def collect(stats, micro_batch):
        outputs, stats, part = forward(params, stats, micro_batch)
        return stats, (_float_leaves(outputs), problem.count(outputs, part))

    _, (rows, counts) = jax.lax.scan(collect, batch_stats, micro_batches)
    structure, shapes = jax.tree.structure(shapes), _float_leaves(shapes)

    def loss(outputs):
        terms = problem.loss_fn(jax.tree.unflatten(structure, outputs), batch)
        return total_loss(terms, problem.axis_name)

    joined = [_join(row, shape) for row, shape in zip(rows, shapes, strict=True)]
    (value, parts), cotangents = jax.value_and_grad(loss, has_aux=True)(joined)
    cotangents = [
        _split_cotangent(cotangent, row)
        for cotangent, row in zip(cotangents, rows, strict=True)
    ]

    def add(carry, inputs):
        gradient, stats = carry
        micro_batch, cotangents = inputs

        def run(params):
            outputs, new, _ = forward(params, stats, micro_batch)
            return _float_leaves(outputs), new

        _, vjp_fn, stats = jax.vjp(run, params, has_aux=True)
        return (_add(gradient, vjp_fn(cotangents)[0]), stats), None

    zero = jax.tree.map(jnp.zeros_like, params)
    (gradient, stats), _ = jax.lax.scan(
        add, (zero, batch_stats), (micro_batches, cotangents)
    )
    return Gradients(value, parts, gradient, stats, _sum(counts))


def _join(rows, shape):
    """Joins the outputs [n, ...] of the micro-batches to those of the whole batch.

    An output that belongs to no example (a learned weight) is the same in all of them.
    """
    if rows.shape[1:] == shape.shape:
        return rows.mean(0)
    return merge(rows)


def _split_cotangent(cotangent, rows):
    """Returns the gradient of `_join`."""
    if rows.shape[1:] == cotangent.shape:
        return jnp.broadcast_to(cotangent / rows.shape[0], rows.shape)
    return split(cotangent, rows.shape[0])


def _float_leaves(outputs):
    """Returns the arrays of the outputs in order; all must be floating point."""
    leaves = jax.tree.leaves(outputs)
    for leaf in leaves:
        if not jnp.issubdtype(leaf.dtype, jnp.floating):
            raise ValueError(
                "train.grad_accum_steps is invalid for an output of type "
                f"{leaf.dtype}: "
                "expected floating-point outputs, because the loss couples examples."
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
                f"train.grad_accum_steps={count} is invalid: expected a divisor of "
                f"{x.shape[0]}, the number of examples in {name!r}."
            )
