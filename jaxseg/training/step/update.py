"""Implements the random keys, updates and moving averages of all training steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax

from jaxseg.losses import members_of
from jaxseg.ops.gradient_norm import gradient_and_norm
from jaxseg.ops.output_form import OutputForm
from jaxseg.training.step.state import TrainState

Merged = tuple[tuple[int, ...], ...]


def check_ema(state: TrainState, decay: float | None) -> None:
    """Checks that a decay is given if and only if the state has a moving average.

    Args:
      state: The training state, with or without a moving average of the parameters.
      decay: The decay of the moving average, or None.

    Raises:
      ValueError: If the state has a moving average but the decay is None, or if it has
        none but a decay is given.
    """
    if (decay is None) != (state.ema is None):
        expected = "None" if state.ema is None else "a decay"
        raise ValueError(
            f"ema={decay} is invalid: expected {expected}, because the state was "
            f"created with ema={state.ema is not None}."
        )


def apply_updates(
    tx: optax.GradientTransformation, gradient: Any, state: TrainState
) -> tuple[Any, Any, jax.Array]:
    """Applies an optimizer to the gradient of the parameters in a training state.

    Returns:
      The new parameters, the new optimizer state and the norm of the gradient.
    """
    gradient, norm = gradient_and_norm(gradient)
    updates, opt_state = tx.update(gradient, state.opt_state, state.params)
    return optax.apply_updates(state.params, updates), opt_state, norm


def update_ema(state: TrainState, params: Any, decay: float | None) -> Any:
    """Returns the new moving average of the parameters, or None without a decay.

    The decay is min(decay, (1 + t) / (10 + t)) at step t, TensorFlow's rule for the
    start of training.
    """
    if decay is None:
        return None
    rate = jnp.minimum(decay, (1.0 + state.step) / (10.0 + state.step))
    return optax.incremental_update(params, state.ema, 1.0 - rate)


def dropout_key(state: TrainState, axis_name: str | None) -> jax.Array:
    """Returns the random key that the network uses in a training step.

    It depends on the step. Under pmap, each device has its own key.
    """
    key = jax.random.fold_in(state.rng, state.step)
    if axis_name is None:
        return key
    return jax.random.fold_in(key, jax.lax.axis_index(axis_name))


def mean_over_devices(batch_stats: Any, axis_name: str | None) -> Any:
    """Averages running statistics over the devices of pmap.

    The statistics of the devices differ if normalization uses only the examples of one
    device. If `axis_name` is None, the statistics are returned unchanged.
    """
    return batch_stats if axis_name is None else jax.lax.pmean(batch_stats, axis_name)


def pixel_counts(
    logits: jax.Array, label: jax.Array, void: int, merged: Merged = ()
) -> dict[str, jax.Array]:
    """Counts the labeled pixels, and those among them that are predicted correctly.

    The result is a dictionary with the counts "labeled" and "correct".

    Args:
      logits: [B, H, W, K].
      label: Integers [B, H, W].
      void: The ignore index.
      merged: The classes that a pixel with the label K + g may have, for g = 0, 1, ...
        A prediction of any of them is correct.
    """
    best = logits.argmax(-1)
    hit = best == label
    if merged:
        members = members_of(label, merged, logits.shape[-1])
        hit = jnp.take_along_axis(members, best[..., None], axis=-1)[..., 0]
    correct = hit & (label != void)
    return {"labeled": (label != void).sum(), "correct": correct.sum()}


def decision_counts(
    logits: jax.Array,
    label: jax.Array,
    void: int,
    form: OutputForm,
    known: jax.Array | None = None,
) -> dict[str, jax.Array]:
    """Counts the labeled predictions of a sigmoid output, and the correct ones.

    In a binary task, each pixel is one prediction. If classes can overlap, each pixel
    and class is one prediction.

    Args:
      logits: [B, H, W, K].
      label: Integers [B, H, W], or [B, H, W, K] if classes can overlap.
      void: The ignore index.
      form: Whether the task is binary or has classes that can overlap, and the
        probability above which a class is predicted.
      known: Booleans [B, H, W] that mark the labeled pixels. Required if classes can
        overlap.

    Returns:
      A dictionary with the counts "labeled" and "correct".
    """
    if form.kind == "multilabel":
        if known is None:
            raise ValueError(
                "known=None is invalid for classes that can overlap: expected booleans "
                "[B, H, W] that mark the labeled pixels."
            )
        known = jnp.broadcast_to(known[..., None], label.shape)
    else:
        known = label != void
    correct = (form.labels(logits) == label) & known
    return {"labeled": known.sum(), "correct": correct.sum()}


def loss_metrics(
    loss: jax.Array, terms: Mapping[str, jax.Array]
) -> dict[str, jax.Array]:
    """Returns a dictionary of the loss (`loss`) and each of its terms (`loss/<name>`).

    Args:
      loss: The total loss.
      terms: The terms of the loss by name.
    """
    return {"loss": loss, **{f"loss/{name}": mean for name, mean in terms.items()}}
