"""One training step and one evaluation step for plain jit, sharded jit and pmap.

The steps know nothing of devices. `axis_name=None` is for `jax.jit`, with or without
sharded arrays: sums are global there, and batch normalisation sees the whole batch.
Under `jax.pmap(axis_name=...)` the same name goes to the step, to the loss
(`losses.build`) and to the model (`Style.axis_name`); the results are then equal.

Trap: `jax.shard_map` with its default `check_vma=True` sums gradients of replicated
parameters itself, and the sum over `axis_name` here would count them twice. Wrap the
step with `check_vma=False` or not at all.
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
from jaxseg.ops.lowering.scheduling import after
from jaxseg.ops.resize import resize
from jaxseg.training.step import update
from jaxseg.training.step.gradient import Problem, differentiate
from jaxseg.training.step.rematerialization import find_blocks, recomputed
from jaxseg.training.step.state import TrainState, with_stats

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
    accumulate: int = 1,
    remat: str = "none",
    void: int = 255,
    axis_name: str | None = None,
) -> tuple[TrainState, dict[str, jax.Array]]:
    """One update by the gradient of the loss over the global batch.

    Args:
      batch: image, label and what `prepare` needs ("seed"); of a device under pmap.
      loss_fn: outputs, batch -> {name: (value, weight, coefficient)}; its batch also
        holds "step".
      inputs: entries of the prepared batch that the network takes, in its order.
      prepare: augmentation and normalisation, None when the batch is ready.
      schedule: learning rate by step, only to be reported.
      ema: decay of the moving average; needs `create_state(ema=True)`.
      accumulate: micro-batches that the batch is cut into, see `training.gradient`.
      remat: "none", or what to compute again backward: "block", "stage", see
        `training.remat`.

    Returns:
      The new state, and scalars: `loss`, `loss/<name>` per term, `grad_norm` before
      clipping, `learning_rate`, and the global counts of pixels `labelled` and
      `correct` (int32).
    """
    update.check_average(state, ema)
    batch = batch if prepare is None else prepare(batch)
    problem = Problem(
        _forward(model, inputs, find_blocks(state.params, remat)),
        loss_fn,
        functools.partial(_counts, void=void),
        axis_name,
    )
    found = differentiate(
        problem,
        state.params,
        state.batch_stats,
        {**batch, "step": state.step},
        update.dropout_key(state, axis_name),
        count=accumulate,
    )
    sums = (found.loss, found.parts, found.gradient, found.counts)
    loss, parts, gradient, counts = total(sums, axis_name)
    norm = optax.tree.norm(gradient)
    # so that XLA knows that nothing reads the old weights any more, and copies none
    gradient = jax.tree.map(lambda g: after(g, norm), gradient)
    updates, opt_state = tx.update(gradient, state.opt_state, state.params)
    params = optax.apply_updates(state.params, updates)
    metrics = {
        "loss": loss,
        **{f"loss/{name}": part for name, part in parts.items()},
        "grad_norm": norm,
        **({} if schedule is None else {"learning_rate": schedule(state.step)}),
        **counts,
    }
    state = state.replace(
        step=state.step + 1,
        params=params,
        batch_stats=update.mean_over(found.batch_stats, axis_name),
        opt_state=opt_state,
        ema=update.average(state, params, ema),
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
    """Confusion matrix int32 [K + 1, K] of the global batch, at the labels' size.

    The network sees `inputs` (see `train_step`), the entry "image" of them resized by
    `eval_scale` (bilinear, antialiased when shrinking); its logits are resized to the
    label before the argmax.
    """
    batch = batch if prepare is None else prepare(batch)
    label = batch["label"]
    if eval_scale != 1:
        image = batch["image"]
        size = tuple(max(1, round(side * eval_scale)) for side in image.shape[1:3])
        batch = {**batch, "image": resize(image, size, antialias=True)}
    logits = model.apply(variables, *_chosen(batch, inputs), train=False)["logits"]
    if logits.shape[1:-1] != label.shape[1:]:
        logits = resize(logits, label.shape[1:3])
    matrix = confusion(logits.argmax(-1), label, num_classes, void)
    return confusion_over(matrix, axis_name)


def _forward(model, inputs, blocks):
    """The network in training: params, statistics, batch, key -> outputs, statistics"""

    def forward(params, stats, batch, key):
        with recomputed(blocks):
            outputs, updated = model.apply(
                with_stats(params, stats),
                *_chosen(batch, inputs),
                train=True,
                mutable=["batch_stats"],
                rngs={"dropout": key},
            )
        return outputs, updated.get("batch_stats", {})

    return forward


def _counts(outputs, batch, void):
    return update.pixel_counts(outputs["logits"], batch["label"], void)


def _chosen(batch, inputs):
    if missing := [name for name in inputs if name not in batch]:
        raise ValueError(f"inputs names {missing}; the batch has {sorted(batch)}")
    return [batch[name] for name in inputs]
