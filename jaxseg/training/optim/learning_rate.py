"""Computes the learning rate for each step from an `OptimConfig`."""

from __future__ import annotations

import dataclasses

import jax.numpy as jnp
import optax

from jaxseg.config import OptimConfig
from jaxseg.text import one_of


def scale_rate(config: OptimConfig, batch_size: int | None) -> OptimConfig:
    """Returns the configuration with the learning rates scaled to the batch size.

    If `batch_scaling` is "linear", the rates are multiplied by batch_size /
    base_batch_size (arXiv 1706.02677; use `warmup_steps` with it). If it is "sqrt",
    they are multiplied by the square root of that ratio (arXiv 1404.5997; LAMB, arXiv
    1904.00962). Without a `base_batch_size`, they do not change.
    """
    reference, rule = config.base_batch_size, config.batch_scaling
    if rule not in ("linear", "sqrt"):
        raise ValueError(
            f"optim.batch_scaling={rule!r} is invalid: expected 'linear' or 'sqrt'."
        )
    if reference is None:
        return config
    if reference < 1:
        raise ValueError(
            f"optim.base_batch_size={reference} is invalid: expected a number >= 1, or "
            "None to leave the learning rate as it is."
        )
    if batch_size is None or batch_size < 1:
        raise ValueError(
            f"batch_size={batch_size} is invalid with optim.base_batch_size="
            f"{reference}: expected a number >= 1."
        )
    factor = batch_size / reference
    factor = factor if rule == "linear" else factor**0.5
    return dataclasses.replace(
        config,
        learning_rate=config.learning_rate * factor,
        final_learning_rate=config.final_learning_rate * factor,
    )


def schedule(config: OptimConfig, total_steps: int) -> optax.Schedule:
    """Returns a function from the number of the step to the learning rate.

    The first step has the number 0. In the formulas, base is `learning_rate`, final is
    `final_learning_rate`, power is `poly_power` and total is `total_steps`. A milestone
    is a fraction of the run. It is passed when step / total reaches it.

    - poly: (base - final) (1 - step / total)^power + final, as in DeepLab (arXiv
      1606.00915).
    - cosine: (base - final) (1 + cos(pi step / total)) / 2 + final.
    - step: base * decay_factor^(number of passed milestones).
    - exponential: base * decay_factor^floor(step / decay_every).
    - constant: base.

    During the warmup, the rate is multiplied by (step + 1) / warmup_steps.
    """
    for name, value, low in (
        ("total_steps", total_steps, 1),
        ("optim.learning_rate", config.learning_rate, 0),
        ("optim.warmup_steps", config.warmup_steps, 0),
    ):
        if value < low:
            raise ValueError(f"{name}={value} is invalid: expected a number >= {low}.")
    if config.schedule not in _SHAPES:
        raise ValueError(
            f"optim.schedule={config.schedule!r} is invalid"
            f"{one_of(config.schedule, sorted(_SHAPES))}"
        )
    if config.schedule == "exponential" and config.decay_every < 1:
        raise ValueError(
            f"optim.decay_every={config.decay_every} is invalid with "
            "optim.schedule='exponential': expected a number >= 1."
        )
    shape = _SHAPES[config.schedule]

    def rate(step):
        done = jnp.clip(jnp.asarray(step, jnp.float32) / total_steps, 0.0, 1.0)
        value = shape(config, done, step)
        if config.warmup_steps:
            value = value * jnp.minimum(1.0, (step + 1) / config.warmup_steps)
        return value

    return rate


def _poly(config, done, step):
    span = config.learning_rate - config.final_learning_rate
    return span * (1 - done) ** config.poly_power + config.final_learning_rate


def _cosine(config, done, step):
    span = config.learning_rate - config.final_learning_rate
    return span * (1 + jnp.cos(jnp.pi * done)) / 2 + config.final_learning_rate


def _steps(config, done, step):
    if not all(0 < point <= 1 for point in config.milestones):
        raise ValueError(
            f"optim.milestones={config.milestones} is invalid: expected fractions of "
            "the run, above 0 and at most 1."
        )
    passed = sum((done >= point).astype(jnp.float32) for point in config.milestones)
    return config.learning_rate * config.decay_factor**passed


def _exponential(config, done, step):
    return config.learning_rate * config.decay_factor ** (step // config.decay_every)


def _constant(config, done, step):
    return jnp.full_like(done, config.learning_rate)


_SHAPES = {
    "poly": _poly,
    "cosine": _cosine,
    "step": _steps,
    "exponential": _exponential,
    "constant": _constant,
}
