"""Builds an optax transformation and a learning rate schedule from an `OptimConfig`.

The transformations are applied in this order: zero the gradients of frozen parameters,
clip by the global norm, add L2 decay (sgd, rmsprop, adadelta, lars), apply the
optimizer, add decoupled decay (adamw, lamb), scale by the trust ratio (lamb, lars),
apply the multipliers of parameters and layers, and multiply by the learning rate. In
lars, momentum comes last. Frozen parameters still update their running statistics of
batch normalization. `BlockConfig(norm="frozen")` fixes these as well.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import optax

from jaxseg.config import OptimConfig
from jaxseg.training.optim.layer_decay import multipliers


def build(
    config: OptimConfig, total_steps: int, *, batch_size: int | None = None
) -> tuple[optax.GradientTransformation, optax.Schedule]:
    """Builds the gradient transformation and the learning rate schedule.

    Args:
      config: The configuration of the optimizer.
      total_steps: The length of the run in steps.
      batch_size: The batch size of an update, which `base_batch_size` requires.

    Returns:
      The transformation, and its learning rate by step.

    Raises:
      ValueError: If an option is invalid. `tx.init` raises it if a pattern of
        `lr_multipliers` or `freeze` matches no parameter, or if `layer_decay` finds no
        layers.
    """
    rate = schedule(scale_rate(config, batch_size), total_steps)
    scale = (
        _multiply(config.lr_multipliers),
        _decay_layers(config.layer_decay),
        optax.scale_by_learning_rate(rate),
    )
    rule = _rule(config, optax.chain(*scale))
    return optax.chain(_freeze(config.freeze), _clip(config.clip_norm), rule), rate


def scale_rate(config: OptimConfig, batch_size: int | None) -> OptimConfig:
    """Returns the configuration with the learning rates scaled to the batch size.

    Rates are multiplied by batch_size / base_batch_size (linear scaling, arXiv
    1706.02677; use `warmup_steps` with it), or by the square root of that ratio (arXiv
    1404.5997; LAMB, arXiv 1904.00962). Without a `base_batch_size`, they do not change.
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
    """Returns the learning rate as a function of the step, 0 <= step < total_steps.

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
            f"optim.schedule={config.schedule!r} is invalid: expected one of "
            f"{', '.join(sorted(_SHAPES))}."
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


def _rule(config, scale):
    """Returns the optimizer with its weight decay and `scale`, the learning rate."""
    name, decay = config.name, _decay(config)
    momentum = optax.trace(config.momentum, nesterov=config.nesterov)
    if name == "sgd":
        return optax.chain(decay, momentum, scale)
    if name == "rmsprop":
        rms = optax.scale_by_rms(config.rms_decay)
        return optax.chain(decay, rms, momentum, scale)
    if name == "adadelta":  # Without momentum; epsilon is that of Lasagne.
        return optax.chain(
            decay, optax.scale_by_adadelta(config.rms_decay, eps=1e-6), scale
        )
    if name == "adamw":
        return optax.chain(optax.scale_by_adam(b1=config.beta1), decay, scale)
    if name == "lamb":  # arXiv 1904.00962
        adam = optax.scale_by_adam(b1=config.beta1, eps=1e-6)
        return optax.chain(adam, decay, _trust(1.0), scale)
    if name == "lars":  # arXiv 1708.03888
        # Differs: |g + wd p| in the ratio, as optax has it; the paper |g| + wd |p|.
        trust = _trust(config.trust_coefficient)
        return optax.chain(decay, trust, scale, momentum)
    raise ValueError(
        f"optim.name={name!r} is invalid: expected one of adadelta, adamw, lamb, lars, "
        "rmsprop, sgd."
    )


def _trust(coefficient):
    """Scales the updates of kernels by coefficient |p| / |update|."""
    if coefficient <= 0:
        raise ValueError(
            f"optim.trust_coefficient={coefficient} is invalid: expected a number > 0."
        )
    return optax.masked(
        optax.scale_by_trust_ratio(trust_coefficient=coefficient),
        lambda params: jax.tree.map(lambda p: p.ndim > 1, params),
    )


def _clip(norm):
    if norm is None:
        return optax.identity()
    if norm <= 0:
        raise ValueError(
            f"optim.clip_norm={norm} is invalid: expected a number > 0, or None for no "
            "clipping."
        )
    return optax.clip_by_global_norm(norm)


def _decay(config):
    """Adds weight_decay * parameter unless it is frozen or masked."""
    if config.decay_mask not in ("kernels", "all"):
        raise ValueError(
            f"optim.decay_mask={config.decay_mask!r} is invalid: expected 'kernels' or "
            "'all'."
        )

    def mask(params):
        frozen = first_match(params, config.freeze, "freeze")
        return jax.tree.map(
            lambda p, hit: hit < 0 and (config.decay_mask == "all" or p.ndim > 1),
            params,
            frozen,
        )

    return optax.add_decayed_weights(config.weight_decay, mask)


def _freeze(patterns):
    return _scale_by(patterns, (0.0,) * len(patterns), "freeze")


def _multiply(groups):
    patterns = tuple(pattern for pattern, _ in groups)
    return _scale_by(patterns, tuple(factor for _, factor in groups), "lr_multipliers")


def _decay_layers(decay):
    if decay is None:
        return optax.identity()
    return _scaled(lambda params: multipliers(params, decay))


def _scale_by(patterns, factors, argument):
    """Multiplies the updates of matching parameters by the factor of the pattern."""
    if not patterns:
        return optax.identity()

    def find(params):
        hits = first_match(params, patterns, argument)
        return jax.tree.map(lambda hit: 1.0 if hit < 0 else factors[hit], hits)

    return _scaled(find)


def _scaled(find):
    """Multiplies updates by find(params); errors of `find` appear in init."""

    def init(params):
        find(params)
        return optax.EmptyState()

    def scale(update, factor):
        return update if factor == 1 else update * factor

    def apply(updates, state, params=None):
        del params
        return jax.tree.map(scale, updates, find(updates)), state

    return optax.GradientTransformation(init, apply)


def first_match(params: Any, patterns: Sequence[str], argument: str) -> Any:
    """Returns the index of the first pattern that matches the path of each leaf, or -1.

    Patterns are regular expressions for whole paths such as "backbone/conv1/kernel".

    Args:
      params: The parameters.
      patterns: The patterns.
      argument: The name of the option, for errors.

    Raises:
      ValueError: If a pattern matches no path. The message names some of the paths.
    """
    names = [
        parameter_path(path) for path, _ in jax.tree_util.tree_leaves_with_path(params)
    ]
    for pattern in patterns:
        if not any(re.fullmatch(pattern, name) for name in names):
            raise ValueError(
                f"optim.{argument}={pattern!r} is invalid: expected a pattern that "
                f"matches one of the {len(names)} parameters, such as "
                f"{', '.join(names[:3])}."
            )

    def index(path, _):
        hits = [
            bool(re.fullmatch(pattern, parameter_path(path))) for pattern in patterns
        ]
        return hits.index(True) if any(hits) else -1

    return jax.tree_util.tree_map_with_path(index, params)


def parameter_path(path):
    """Returns the path of a leaf as text, such as `head/conv/kernel`."""
    return jax.tree_util.keystr(path, simple=True, separator="/")
