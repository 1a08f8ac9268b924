"""What every training step does beside its gradient: keys, averages, counts."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import optax

from jaxseg.training.step.state import TrainState


def check_average(state: TrainState, decay: float | None) -> None:
    """Raises ValueError unless a decay is given just where the state has an average."""
    if (decay is None) != (state.ema is None):
        raise ValueError(
            f"ema is {decay}, but the state was made with ema={state.ema is not None}; "
            "allowed are both or neither"
        )


def average(state: TrainState, params: Any, decay: float | None) -> Any:
    """EMA with decay min(decay, (1 + t) / (10 + t)), TensorFlow's rule for a start."""
    if decay is None:
        return None
    decay = jnp.minimum(decay, (1.0 + state.step) / (10.0 + state.step))
    return optax.incremental_update(params, state.ema, 1.0 - decay)


def dropout_key(state: TrainState, axis_name: str | None) -> jax.Array:
    """The key of this step, and of this device under pmap."""
    key = jax.random.fold_in(state.rng, state.step)
    if axis_name is None:
        return key
    return jax.random.fold_in(key, jax.lax.axis_index(axis_name))


def mean_over(batch_stats: Any, axis_name: str | None) -> Any:
    """Equal statistics on all devices, also where the model normalises per replica."""
    return batch_stats if axis_name is None else jax.lax.pmean(batch_stats, axis_name)


def pixel_counts(
    logits: jax.Array, label: jax.Array, void: int
) -> dict[str, jax.Array]:
    """Pixels with a label, and those of them whose class is right."""
    correct = (logits.argmax(-1) == label) & (label != void)
    return {"labelled": (label != void).sum(), "correct": correct.sum()}
