"""Computes the loss and the gradient of a batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax

from jaxseg.losses import total_loss
from jaxseg.losses.reduction import Term
from jaxseg.training.step.options import Batch


class Problem(NamedTuple):
    """Contains the network and the loss that are differentiated.

    Attributes:
      forward: Maps params, batch_stats, batch and key to outputs and new batch_stats.
      loss_fn: Maps outputs and batch to {name: (value, weight, coefficient)}, as
        `jaxseg.losses.objective.Objective` does.
      count: Maps outputs and batch to {name: number}. Each number is a sum over the
        batch. It is reported as a metric and does not affect the gradient.
      axis_name: The axis of pmap, or None.
      weights: The total pixel weight of each term over the global batch. If it is None,
        the total is computed from the batch of the step.
    """

    forward: Callable[[Any, Any, Batch, jax.Array], tuple[Any, Any]]
    loss_fn: Callable[[Any, Batch], dict[str, Term]]
    # The name hides a method of tuples.
    count: Callable[[Any, Batch], dict[str, jax.Array]]  # type: ignore[assignment]
    axis_name: str | None
    weights: Mapping[str, jax.Array] | None = None


class Gradients(NamedTuple):
    """Contains the loss, the gradient and the other results of a forward pass.

    Under pmap, every field except `batch_stats` is the partial sum of this device. The
    caller sums it over the devices.

    Attributes:
      loss: The loss, a scalar.
      terms: The weighted mean of each term of the loss.
      gradient: The gradient of the loss with respect to the parameters.
      batch_stats: The new running statistics.
      counts: The sums of `Problem.count`.
    """

    loss: jax.Array
    terms: dict[str, jax.Array]
    gradient: Any
    batch_stats: Any
    counts: dict[str, jax.Array]

    def sums(self) -> tuple[Any, ...]:
        """Returns a tuple of the fields that must be summed over devices under pmap.

        They are `loss`, `terms`, `gradient` and `counts`, in this order. The caller
        sums them.
        """
        return self.loss, self.terms, self.gradient, self.counts


def loss_and_gradient(
    problem: Problem, params: Any, batch_stats: Any, batch: Batch, key: jax.Array
) -> Gradients:
    """Runs the network on a batch and differentiates the loss.

    The result is a `Gradients`, which contains the loss, its terms and its gradient.

    Args:
      problem: The network and the loss.
      params: The parameters, with respect to which the loss is differentiated.
      batch_stats: The running statistics of normalization.
      batch: The prepared batch.
      key: The random key of the network.
    """

    def loss(params):
        outputs, new_stats = problem.forward(params, batch_stats, batch, key)
        terms = problem.loss_fn(outputs, batch)
        value, means = total_loss(terms, problem.axis_name, weights=problem.weights)
        return value, (means, new_stats, problem.count(outputs, batch))

    (value, (means, new_stats, counts)), gradient = jax.value_and_grad(
        loss, has_aux=True
    )(params)
    return Gradients(
        value, terms=means, gradient=gradient, batch_stats=new_stats, counts=counts
    )


LossAndGradient = Callable[[Problem, Any, Any, Batch, jax.Array], Gradients]
