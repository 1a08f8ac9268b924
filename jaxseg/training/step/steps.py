"""Implements the training and evaluation steps as pure functions of state and batch.

With `axis_name=None`, the steps run under `jax.jit`, with or without sharded arrays:
sums are then over the global batch, and batch normalization uses the global batch.
Under `jax.pmap(axis_name=...)`, pass the axis name to the step, to the loss
(`losses.build_objective`) and to the model (`BlockConfig.axis_name`). The results of
`jit` and `pmap` are then equal.

Do not wrap the training step in `jax.shard_map` with its default `check_vma=True`. With
that default, `shard_map` itself sums the gradients of replicated parameters, and the
sum over `axis_name` in this module would sum them a second time. Use `check_vma=False`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn

from jaxseg.checkpoints.adapters import merge_adapters
from jaxseg.losses.reduction import total
from jaxseg.metrics import confusion, confusion_over
from jaxseg.training.step.accumulation import accumulated
from jaxseg.training.step.gradient import Problem, loss_and_gradient
from jaxseg.training.step.options import DEFAULTS, Batch, StepOptions
from jaxseg.training.step.rematerialization import rematerialized
from jaxseg.training.step.state import TrainState, with_stats
from jaxseg.training.step.update import (
    apply_updates,
    check_ema,
    decision_counts,
    dropout_key,
    loss_metrics,
    mean_over_devices,
    pixel_counts,
    update_ema,
)


def train_step(
    state: TrainState,
    batch: Batch,
    *,
    model: nn.Module,
    tx: optax.GradientTransformation,
    loss_fn: Callable,
    options: StepOptions = DEFAULTS,
    axis_name: str | None = None,
) -> tuple[TrainState, dict[str, jax.Array]]:
    """Updates the state by the gradient of the loss over the global batch.

    Args:
      state: The state before the step.
      batch: A dictionary with the image, the label and the entries that
        `options.prepare` needs, such as "seed". Under pmap it is the part of one
        device.
      model: The network.
      tx: The optimizer.
      loss_fn: Maps outputs and batch to {name: (value, weight, coefficient)}. Its batch
        also holds "step".
      options: The options of the step, such as gradient accumulation.
      axis_name: The axis of pmap, or None.

    Returns:
      The new state, and a dictionary of scalars: `loss`, `loss/<name>` for each term,
      `grad_norm` before clipping, `learning_rate`, and the global counts of pixels
      `labeled` and `correct` (int32).
    """
    check_ema(state, options.ema)
    batch = options.prepared(batch, state.step)
    key = dropout_key(state, axis_name)
    forward = rematerialized(training_mode(model, options.inputs), options.remat)
    counts = functools.partial(_pixel_counts, options=options)
    problem = Problem(forward, loss_fn=loss_fn, count=counts, axis_name=axis_name)
    differentiate = accumulated(loss_and_gradient, options.grad_accum_steps)

    found = differentiate(problem, state.params, state.batch_stats, batch, key)
    loss, terms, gradient, counts = total(found.sums(), axis_name)
    params, opt_state, grad_norm = apply_updates(tx, gradient, state)

    metrics = loss_metrics(loss, terms) | {"grad_norm": grad_norm, **counts}
    metrics |= options.learning_rate(state.step)
    return state.replace(
        step=state.step + 1,
        params=params,
        batch_stats=mean_over_devices(found.batch_stats, axis_name),
        opt_state=opt_state,
        ema=update_ema(state, params, options.ema),
    ), metrics


def eval_step(
    variables: Mapping[str, Any],
    batch: Batch,
    *,
    predict: Callable[[Mapping[str, Any], Batch], Any],
    num_classes: int,
    void: int = 255,
    axis_name: str | None = None,
    keep: bool = False,
) -> Any:
    """Returns the confusion matrix of the global batch, int32 [K + 1, K].

    The first K rows are the classes of the labels, and the last row is void. The
    columns are the predicted classes. If `keep` is true, the result is a pair: the
    matrix, and a dictionary of arrays with one row for each example. The arrays are
    "label" and "prediction", uint8 or uint16, and "probabilities" if `predict` returns
    probabilities.

    Args:
      variables: The parameters and statistics of the network.
      batch: The inputs of the network, and the integer label. Under pmap it is the part
        of one device.
      predict: Maps variables and batch to classes of the shape of the label, such as
        `most_probable(model)`, or to a pair of these classes and the probabilities.
      num_classes: The number of classes K.
      void: The ignore index.
      axis_name: The axis of pmap, or None.
      keep: Whether to also return the labels and predictions that the matrix counts.
    """
    label = batch["label"].astype(jnp.int32)
    found = predict(variables, batch)
    prediction, *further = found if isinstance(found, tuple) else (found,)
    matrix = confusion(prediction, label=label, num_classes=num_classes, void=void)
    matrix = confusion_over(matrix, axis_name)
    if not keep:
        return matrix
    small = jnp.uint8 if max(void, num_classes) <= 255 else jnp.uint16
    kept = {"label": label.astype(small), "prediction": prediction.astype(small)}
    return matrix, kept | dict(zip(("probabilities",), further, strict=False))


def most_probable(model: nn.Module, inputs: Sequence[str] = ("image",)) -> Callable:
    """Returns a function that predicts for each pixel the class with the largest logit.

    The function maps variables and a batch to the classes.

    Args:
      model: The network.
      inputs: The names of the entries of the batch that are its arguments, in order.
    """

    def predict(variables, batch):
        outputs = model.apply(variables, *_select(batch, inputs), train=False)
        return outputs["logits"].argmax(-1)

    return predict


def training_mode(model: nn.Module, inputs: Sequence[str] = ("image",)) -> Callable:
    """Returns the network in training mode as a pure function.

    The function maps params, batch_stats, batch and a random key to the outputs and the
    new batch_stats. A training step differentiates it. If the parameters contain
    adapters, they are merged, and the gradient with respect to the backbone is 0.

    Args:
      model: The network.
      inputs: The names of the entries of the batch that are its arguments, in order.
    """

    def forward(params, batch_stats, batch, key):
        outputs, updated = model.apply(
            with_stats(merge_adapters(params, frozen=True), batch_stats),
            *_select(batch, inputs),
            train=True,
            mutable=["batch_stats"],
            rngs={"dropout": key},
        )
        return outputs, updated.get("batch_stats", {})

    return forward


def _pixel_counts(outputs, batch, options):
    form, logits, label = options.form, outputs["logits"], batch["label"]
    if form.is_sigmoid:
        return decision_counts(
            logits, label=label, void=options.void, form=form, known=batch.get("valid")
        )
    return pixel_counts(logits, label=label, void=options.void, merged=options.merged)


def _select(batch, inputs):
    if missing := [name for name in inputs if name not in batch]:
        raise ValueError(
            f"inputs={missing} is invalid: expected keys of the batch, which are "
            f"{', '.join(sorted(batch))}."
        )
    return [batch[name] for name in inputs]
