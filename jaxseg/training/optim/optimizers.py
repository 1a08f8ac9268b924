"""Builds an optax transformation and a learning rate schedule from an `OptimConfig`.

The transformations are applied in this order: zero the gradients of frozen parameters,
clip by the global norm, add L2 decay (sgd, rmsprop, adadelta, lars), apply the
optimizer, add decoupled decay (adamw, lamb), scale by the trust ratio (lamb, lars),
apply the multipliers of parameters and layers, and multiply by the learning rate. Only
lars applies its momentum after all of these. Frozen layers still update the running
statistics of their batch normalization. `BlockConfig(norm="frozen")` keeps the
statistics fixed as well.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import jax
import optax

from jaxseg.checkpoints.adapters import is_trained
from jaxseg.config import OptimConfig
from jaxseg.text import one_of
from jaxseg.training.optim.layer_decay import multipliers
from jaxseg.training.optim.learning_rate import scale_rate, schedule

NAMES = ("adadelta", "adamw", "lamb", "lars", "rmsprop", "sgd")


def build(
    config: OptimConfig, total_steps: int, *, batch_size: int | None = None
) -> tuple[optax.GradientTransformation, optax.Schedule]:
    """Builds an optimizer, as an optax transformation, and its learning rate schedule.

    Args:
      config: The configuration of the optimizer.
      total_steps: The length of the run in steps.
      batch_size: The number of images in an update. It must be given if
        `config.base_batch_size` is set.

    Returns:
      The transformation, and a function from the step to the learning rate.

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


def only_trained(tx: optax.GradientTransformation) -> optax.GradientTransformation:
    """Returns an optimizer that keeps the backbone's parameters fixed.

    It updates the adapters of the backbone and all parameters of other modules. Its
    state contains no arrays for the fixed parameters. If there are no adapters, it
    updates all parameters.

    Args:
      tx: The optimizer of the parameters that are trained.
    """

    def labels(params):
        names = {True: "trained", False: "frozen"}
        return jax.tree.map(names.get, is_trained(params))

    parts = {"trained": tx, "frozen": optax.set_to_zero()}
    return optax.multi_transform(parts, labels)


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
    raise ValueError(f"optim.name={name!r} is invalid{one_of(name, NAMES)}")


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
    """Finds, for each parameter, the first pattern that matches its path.

    Patterns are regular expressions for whole paths such as "backbone/conv1/kernel".

    Args:
      params: The parameters.
      patterns: The patterns.
      argument: The name of the option, for errors.

    Returns:
      A tree like `params` with the index of the pattern, or -1 if none matches.

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
    """Returns the path of a parameter as text, such as `head/conv/kernel`."""
    return jax.tree_util.keystr(path, simple=True, separator="/")
