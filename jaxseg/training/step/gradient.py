"""Loss and gradient of a batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax

from jaxseg.losses import total_loss
from jaxseg.losses.reduction import Term

Batch = Mapping[str, jax.Array]


class Problem(NamedTuple):
    """What is differentiated: a network and its objective.

    Attributes:
      forward: Maps params, batch_stats, batch and key to outputs and new batch_stats.
      loss_fn: Maps outputs and batch to {name: (value, weight, coefficient)}.
      count: Maps outputs and batch to {name: number}. The numbers are summed over the
        batch and only reported.
      axis_name: The axis of pmap, or None.
    """

    forward: Callable[[Any, Any, Batch, jax.Array], tuple[Any, Any]]
    loss_fn: Callable[[Any, Batch], dict[str, Term]]
    count: Callable[[Any, Batch], dict[str, jax.Array]]
    axis_name: str | None


class Gradients(NamedTuple):
    """Loss, gradient and what else a forward pass gives.

    Under pmap all but `batch_stats` are partial sums of this device, which the caller
    sums over the devices.

    Attributes:
      loss: The loss, a scalar.
      parts: The weighted mean of each term of the loss.
      gradient: The gradient of the loss with respect to the parameters.
      batch_stats: The new running statistics.
      counts: The sums of `Problem.count`.
    """

    loss: jax.Array
    parts: dict[str, jax.Array]
    gradient: Any
    batch_stats: Any
    counts: dict[str, jax.Array]


def loss_and_grad(
    problem: Problem, params: Any, batch_stats: Any, batch: Batch, key: jax.Array
) -> Gradients:
    """Returns the loss of the batch and its gradient."""

    def loss(params):
        outputs, new_stats = problem.forward(params, batch_stats, batch, key)
        value, parts = total_loss(problem.loss_fn(outputs, batch), problem.axis_name)
        return value, (parts, new_stats, problem.count(outputs, batch))

    (value, (parts, new_stats, counts)), gradient = jax.value_and_grad(
        loss, has_aux=True
    )(params)
    return Gradients(value, parts, gradient, new_stats, counts)
