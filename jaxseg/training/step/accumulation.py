"""Accumulates the loss and the gradient of a batch over micro-batches.

A term of the loss is sum(value * weight) / sum(weight) over the *global* batch. The
mean of the means of the micro-batches would be wrong if these contain different numbers
of labeled pixels. Two exact methods are implemented here, each a `lax.scan` that needs
the memory of one micro-batch:

- For terms that are sums over examples, the weights are summed first. (If the weights
  depend only on labels, XLA removes the network from that pass.) Each micro-batch then
  adds its gradient of value * weight / total.
- For losses that couple examples (Lovasz or Dice over the batch, mining of hard pixels,
  balanced edges), a first pass collects the outputs of the network. The loss and its
  gradient with respect to the outputs are computed over the whole batch, and a second
  pass propagates that gradient to the parameters (gradient caching, arXiv 2101.06983).
  This costs a second forward pass and keeps the outputs of the whole batch.

`loss_fn.additive(outputs)` decides between the two, see
`jaxseg.losses.objective.Objective`. If a loss function does not have this method, the
second way is used, which is exact for every loss. Batch normalization sees one
micro-batch at a time, and its running statistics are updated once per micro-batch.
Every micro-batch draws its own dropout masks.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxseg.losses import total_loss
from jaxseg.losses.reduction import total
from jaxseg.training.step.gradient import Gradients, LossAndGradient
from jaxseg.training.step.options import Batch


def accumulated(
    loss_and_gradient: LossAndGradient, num_micro_batches: int
) -> LossAndGradient:
    """Returns a function that computes loss and gradient one micro-batch at a time.

    The function has the arguments and the results of `loss_and_gradient`. With n
    micro-batches, micro-batch j contains the examples j, j + n, j + 2 n, ... If the
    batch is sharded in consecutive parts, every device therefore keeps its own
    examples. Entries without axes, such as "step", go to every micro-batch.

    Args:
      loss_and_gradient: `jaxseg.training.step.gradient.loss_and_gradient`. It is called
        for each micro-batch if the loss is a sum over examples. Otherwise it is not
        called: the network runs on each micro-batch and the loss on the whole batch.
      num_micro_batches: Number of micro-batches. With 1, the result is
        `loss_and_gradient` itself.

    Raises:
      ValueError: If `num_micro_batches` is less than 1. The returned function raises it
        if the batch size is not a multiple of `num_micro_batches`.
    """
    if num_micro_batches < 1:
        raise ValueError(
            f"train.grad_accum_steps={num_micro_batches} is invalid: expected at "
            "least 1."
        )
    if num_micro_batches == 1:
        return loss_and_gradient

    def in_micro_batches(problem, params, batch_stats, batch, key):
        _check(batch, num_micro_batches)
        micro_batches = MicroBatches.of(batch, key, num_micro_batches)
        whole = lambda batch: problem.forward(params, batch_stats, batch, key)[0]
        shapes = jax.eval_shape(whole, batch)
        additive = getattr(problem.loss_fn, "additive", lambda outputs: False)
        if additive(shapes):
            return _sum_of_terms(
                loss_and_gradient,
                problem=problem,
                params=params,
                batch_stats=batch_stats,
                micro_batches=micro_batches,
            )
        return _through_outputs(
            problem,
            params=params,
            batch_stats=batch_stats,
            micro_batches=micro_batches,
            batch=batch,
            shapes=shapes,
        )

    return in_micro_batches


class MicroBatches(NamedTuple):
    """Contains the micro-batches of a batch.

    Attributes:
      rows: A pair: the indices of the n micro-batches, [n], and a dictionary of the
        arrays of the batch, [n, B / n, ...]. A scan runs over the first axis.
      shared: The arrays without axes, such as the step, which go to all micro-batches.
      key: The random key of the batch.
    """

    rows: tuple[jax.Array, Batch]
    shared: Batch
    key: jax.Array

    @classmethod
    def of(cls, batch: Batch, key: jax.Array, count: int) -> MicroBatches:
        """Splits the arrays of a batch into `count` micro-batches."""
        shared = {name: x for name, x in batch.items() if jnp.ndim(x) == 0}
        rows = {
            name: split(x, count) for name, x in batch.items() if name not in shared
        }
        return cls((jnp.arange(count), rows), shared, key)

    def one(self, row: tuple[jax.Array, Batch]) -> tuple[Batch, jax.Array]:
        """Returns one micro-batch and its random key.

        Args:
          row: A pair: the index of the micro-batch, and a dictionary of its arrays.

        Returns:
          A pair: a dictionary of these arrays and of those entries of the batch that
          belong to no single example, such as the step; and the random key.
        """
        number, part = row
        return {**part, **self.shared}, jax.random.fold_in(self.key, number)


def split(x: jax.Array, count: int) -> jax.Array:
    """Splits an array [B, ...] into n = `count` micro-batches, [n, B / n, ...].

    Micro-batch j holds the examples j, j + n, j + 2 n, ...
    """
    return x.reshape(-1, count, *x.shape[1:]).swapaxes(0, 1)


def merge(x: jax.Array) -> jax.Array:
    """Joins micro-batches [n, B / n, ...] to one batch [B, ...]; inverse of `split`."""
    return x.swapaxes(0, 1).reshape(-1, *x.shape[2:])


def _sum_of_terms(loss_and_gradient, problem, params, batch_stats, micro_batches):
    def weights_of(stats, row):
        batch, key = micro_batches.one(row)
        outputs, stats = problem.forward(params, stats, batch, key)
        terms = problem.loss_fn(outputs, batch)
        return stats, {name: weight.sum() for name, (_, weight, _) in terms.items()}

    weights = _sum(jax.lax.scan(weights_of, batch_stats, micro_batches.rows)[1])
    weights = total(weights, problem.axis_name)
    weights = {name: jnp.where(w > 0, w, 1.0) for name, w in weights.items()}
    micro_problem = problem._replace(weights=weights)

    def add(carry, row):
        gradient, stats = carry
        more = loss_and_gradient(micro_problem, params, stats, *micro_batches.one(row))
        sums = (more.loss, more.terms, more.counts)
        return (_add(gradient, more.gradient), more.batch_stats), sums

    zero = jax.tree.map(jnp.zeros_like, params)
    (gradient, stats), rows = jax.lax.scan(add, (zero, batch_stats), micro_batches.rows)
    value, terms, counts = _sum(rows)
    return Gradients(
        value, terms=terms, gradient=gradient, batch_stats=stats, counts=counts
    )


def _through_outputs(problem, params, batch_stats, micro_batches, batch, shapes):
    def collect(stats, row):
        part, key = micro_batches.one(row)
        outputs, stats = problem.forward(params, stats, part, key)
        return stats, (_float_leaves(outputs), problem.count(outputs, part))

    _, (rows, counts) = jax.lax.scan(collect, batch_stats, micro_batches.rows)
    structure, shapes = jax.tree.structure(shapes), _float_leaves(shapes)

    def loss(outputs):
        terms = problem.loss_fn(jax.tree.unflatten(structure, outputs), batch)
        return total_loss(terms, problem.axis_name)

    joined = [_join(row, shape) for row, shape in zip(rows, shapes, strict=True)]
    (value, terms), cotangents = jax.value_and_grad(loss, has_aux=True)(joined)
    cotangents = [
        _split_cotangent(cotangent, row)
        for cotangent, row in zip(cotangents, rows, strict=True)
    ]

    def add(carry, inputs):
        gradient, stats = carry
        row, cotangents = inputs

        def run(params):
            outputs, new = problem.forward(params, stats, *micro_batches.one(row))
            return _float_leaves(outputs), new

        _, vjp_fn, stats = jax.vjp(run, params, has_aux=True)
        return (_add(gradient, vjp_fn(cotangents)[0]), stats), None

    zero = jax.tree.map(jnp.zeros_like, params)
    (gradient, stats), _ = jax.lax.scan(
        add, (zero, batch_stats), (micro_batches.rows, cotangents)
    )
    return Gradients(
        value, terms=terms, gradient=gradient, batch_stats=stats, counts=_sum(counts)
    )


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
                "train.grad_accum_steps is invalid for a network output of type "
                f"{leaf.dtype}: expected floating-point outputs, because the loss "
                "couples examples of different micro-batches. Set "
                "train.grad_accum_steps to 1."
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
