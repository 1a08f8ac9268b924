"""The training step and the evaluation step: pure functions of state and batch.

The steps know nothing of devices. With `axis_name=None` they run under `jax.jit`, with
or without sharded arrays: sums are then global, and batch normalization sees the whole
batch. Under `jax.pmap(axis_name=...)` the same name goes to the step, to the loss
(`losses.build_objective`) and to the model (`BlockConfig.axis_name`), and the results
are equal.

Do not wrap the training step in `jax.shard_map` with its default `check_vma=True`. That
sums the gradients of replicated parameters by itself, and the sum over `axis_name` here
would count them twice. Use `check_vma=False`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import optax
from flax import linen as nn

from jaxseg.losses.reduction import total
from jaxseg.metrics import confusion, confusion_over
from jaxseg.ops.preprocess import scaled_size
from jaxseg.ops.resize import resize
from jaxseg.training.step.accumulation import accumulated_loss_and_grad
from jaxseg.training.step.gradient import Problem, loss_and_grad
from jaxseg.training.step.rematerialization import find_blocks, recomputed
from jaxseg.training.step.state import TrainState, with_stats
from jaxseg.training.step.update import (
    apply_updates,
    check_ema,
    dropout_key,
    mean_over_devices,
    pixel_counts,
    update_ema,
)

Batch = Mapping[str, jax.Array]
Prepare = Callable[[Batch], Batch]


def train_step(
    state: TrainState,
    batch: Batch,
    *,
    model: nn.Module,
    tx: optax.GradientTransformation,
    loss_fn: Callable,
    inputs: Sequence[str] = ("image",),
    prepare: Prepare | None = None,
    schedule: optax.Schedule | None = None,
    ema: float | None = None,
    grad_accum_steps: int = 1,
    remat: str = "none",
    void: int = 255,
    axis_name: str | None = None,
) -> tuple[TrainState, dict[str, jax.Array]]:
    """Updates the state by the gradient of the loss over the global batch.

    Args:
      state: The state before the step.
      batch: Image, label and what `prepare` needs ("seed"). Under pmap it is the part
        of one device.
      model: The network.
      tx: The optimizer.
      loss_fn: Maps outputs and batch to {name: (value, weight, coefficient)}. Its batch
        also holds "step".
      inputs: The entries of the prepared batch that the network takes, in its order.
      prepare: Augmentation and normalization, or None when the batch is ready.
      schedule: The learning rate by step, which is only reported.
      ema: The decay of the moving average of the parameters. It needs a state made by
        `create_state(ema=True)`.
      grad_accum_steps: Number of micro-batches that the batch is split into, see
        `jaxseg.training.step.accumulation`.
      remat: What to compute again in the backward pass: "none", "block" or "stage", see
        `jaxseg.training.step.rematerialization`.
      void: The ignore index.
      axis_name: The axis of pmap, or None.

    Returns:
      The new state, and scalars: `loss`, `loss/<name>` for each term, `grad_norm`
      before clipping, `learning_rate`, and the global counts of pixels `labeled` and
      `correct` (int32).
    """
    check_ema(state, ema)
    batch = batch if prepare is None else prepare(batch)
    batch, key = {**batch, "step": state.step}, dropout_key(state, axis_name)
    network = _network(model, inputs, find_blocks(state.params, remat))
    counts = functools.partial(_pixel_counts, void=void)
    problem = Problem(network, loss_fn, counts, axis_name)

    found = _differentiate(
        problem, state.params, state.batch_stats, batch, key, grad_accum_steps
    )
    sums = (found.loss, found.parts, found.gradient, found.counts)
    loss, parts, gradient, counts = total(sums, axis_name)
    params, opt_state, grad_norm = apply_updates(tx, gradient, state)

    metrics = {
        "loss": loss,
        **{f"loss/{name}": part for name, part in parts.items()},
        "grad_norm": grad_norm,
        **({} if schedule is None else {"learning_rate": schedule(state.step)}),
        **counts,
    }
    state = state.replace(
        step=state.step + 1,
        params=params,
        batch_stats=mean_over_devices(found.batch_stats, axis_name),
        opt_state=opt_state,
        ema=update_ema(state, params, ema),
    )
    return state, metrics


def eval_step(
    variables: Mapping[str, Any],
    batch: Batch,
    *,
    model: nn.Module,
    num_classes: int,
    inputs: Sequence[str] = ("image",),
    void: int = 255,
    prepare: Prepare | None = None,
    eval_scale: float = 1.0,
    axis_name: str | None = None,
) -> jax.Array:
    """Returns the confusion matrix of the global batch, int32 [K + 1, K].

    The network takes `inputs` as in `train_step`. The image among them is resized by
    `eval_scale` first (bilinear, antialiased when it shrinks), and the logits are
    resized to the size of the labels before the argmax.
    """
    batch = batch if prepare is None else prepare(batch)
    label = batch["label"]
    if eval_scale != 1:
        size = scaled_size(batch["image"].shape[1:3], eval_scale)
        batch = {**batch, "image": resize(batch["image"], size, antialias=True)}
    logits = model.apply(variables, *_select(batch, inputs), train=False)["logits"]
    if logits.shape[1:-1] != label.shape[1:]:
        logits = resize(logits, label.shape[1:3])
    matrix = confusion(logits.argmax(-1), label, num_classes, void)
    return confusion_over(matrix, axis_name)


def _differentiate(problem, params, batch_stats, batch, key, num_micro_batches):
    if num_micro_batches < 1:
        raise ValueError(
            f"train.grad_accum_steps={num_micro_batches} is invalid: expected at "
            "least 1."
        )
    if num_micro_batches == 1:
        return loss_and_grad(problem, params, batch_stats, batch, key)
    return accumulated_loss_and_grad(
        problem, params, batch_stats, batch, key, num_micro_batches=num_micro_batches
    )


def _network(model, inputs, blocks):
    """Returns the network in training mode.

    It maps params, batch_stats, batch and key to outputs and new batch_stats. The
    modules at `blocks` keep only their inputs for the backward pass.
    """

    def forward(params, batch_stats, batch, key):
        with recomputed(blocks):
            outputs, updated = model.apply(
                with_stats(params, batch_stats),
                *_select(batch, inputs),
                train=True,
                mutable=["batch_stats"],
                rngs={"dropout": key},
            )
        return outputs, updated.get("batch_stats", {})

    return forward


def _pixel_counts(outputs, batch, void):
    return pixel_counts(outputs["logits"], batch["label"], void)


def _select(batch, inputs):
    if missing := [name for name in inputs if name not in batch]:
        raise ValueError(
            f"inputs={missing} is invalid: expected entries of the batch, which are "
            f"{', '.join(sorted(batch))}."
        )
    return [batch[name] for name in inputs]
