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

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn

from jaxseg.losses import objective
from jaxseg.losses.reduction import total
from jaxseg.metrics import confusion, confusion_over
from jaxseg.ops.resize import resize
from jaxseg.training.state import TrainState, with_stats

Batch = Mapping[str, jax.Array]
Prepare = Callable[[Batch], Batch]


def train_step(
    state: TrainState,
    batch: Batch,
    *,
    model: nn.Module,
    tx: optax.GradientTransformation,
    loss_fn: Callable,
    prepare: Prepare | None = None,
    schedule: optax.Schedule | None = None,
    ema: float | None = None,
    void: int = 255,
    axis_name: str | None = None,
) -> tuple[TrainState, dict[str, jax.Array]]:
    """One update by the gradient of the loss over the global batch.

    Args:
      batch: image, label and what `prepare` needs ("seed"); of a device under pmap.
      loss_fn: outputs, batch -> {name: (value, weight, coefficient)}; its batch also
        holds "step".
      prepare: augmentation and normalisation, None when the batch is ready.
      schedule: learning rate by step, only to be reported.
      ema: decay of the moving average; needs `create_state(ema=True)`.

    Returns:
      The new state, and scalars: `loss`, `loss/<name>` per term, `grad_norm` before
      clipping, `learning_rate`, and the global counts of pixels `labelled` and
      `correct` (int32).
    """
    if (ema is None) != (state.ema is None):
        raise ValueError(
            f"ema is {ema}, but the state was made with ema={state.ema is not None}; "
            "allowed are both or neither"
        )
    batch = batch if prepare is None else prepare(batch)
    key = _dropout_key(state, axis_name)

    def share(params):
        outputs, updated = model.apply(
            with_stats(params, state.batch_stats),
            batch["image"],
            train=True,
            mutable=["batch_stats"],
            rngs={"dropout": key},
        )
        terms = loss_fn(outputs, {**batch, "step": state.step})
        loss, parts = objective(terms, axis_name)
        return loss, (parts, updated.get("batch_stats", {}), outputs["logits"])

    (loss, (parts, batch_stats, logits)), gradient = jax.value_and_grad(
        share, has_aux=True
    )(state.params)
    loss, parts, gradient = total((loss, parts, gradient), axis_name)
    updates, opt_state = tx.update(gradient, state.opt_state, state.params)
    params = optax.apply_updates(state.params, updates)
    metrics = {
        "loss": loss,
        **{f"loss/{name}": part for name, part in parts.items()},
        "grad_norm": optax.tree.norm(gradient),
        **({} if schedule is None else {"learning_rate": schedule(state.step)}),
        **total(_pixel_counts(logits, batch["label"], void), axis_name),
    }
    state = state.replace(
        step=state.step + 1,
        params=params,
        batch_stats=_mean_over(batch_stats, axis_name),
        opt_state=opt_state,
        ema=_average(state, params, ema),
    )
    return state, metrics


def eval_step(
    variables: Mapping[str, Any],
    batch: Batch,
    *,
    model: nn.Module,
    num_classes: int,
    void: int = 255,
    prepare: Prepare | None = None,
    eval_scale: float = 1.0,
    axis_name: str | None = None,
) -> jax.Array:
    """Confusion matrix int32 [K + 1, K] of the global batch, at the labels' size.

    The network sees the image resized by `eval_scale` (bilinear, antialiased when
    shrinking); its logits are resized to the label before the argmax.
    """
    batch = batch if prepare is None else prepare(batch)
    image, label = batch["image"], batch["label"]
    if eval_scale != 1:
        size = tuple(max(1, round(side * eval_scale)) for side in image.shape[1:3])
        image = resize(image, size, antialias=True)
    logits = model.apply(variables, image, train=False)["logits"]
    logits = resize(logits, label.shape[1:3])
    matrix = confusion(logits.argmax(-1), label, num_classes, void)
    return confusion_over(matrix, axis_name)


def _dropout_key(state, axis_name):
    key = jax.random.fold_in(state.rng, state.step)
    if axis_name is None:
        return key
    return jax.random.fold_in(key, jax.lax.axis_index(axis_name))


def _pixel_counts(logits, label, void):
    correct = (logits.argmax(-1) == label) & (label != void)
    return {"labelled": (label != void).sum(), "correct": correct.sum()}


def _mean_over(batch_stats, axis_name):
    """Equal statistics on all devices, also where the model normalises per replica."""
    return batch_stats if axis_name is None else jax.lax.pmean(batch_stats, axis_name)


def _average(state, params, decay):
    """EMA with decay min(decay, (1 + t) / (10 + t)), TensorFlow's rule for a start."""
    if decay is None:
        return None
    decay = jnp.minimum(decay, (1.0 + state.step) / (10.0 + state.step))
    return optax.incremental_update(params, state.ema, 1.0 - decay)
