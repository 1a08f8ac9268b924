"""Computes losses of each pixel for sigmoid outputs.

Each logit z is the score of one class, independent of the other classes: the
probability of the class is sigmoid(z). A binary task has one logit, and the classes of
a multi-label task may overlap. The target is 1 where the class is present.
"""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp


def binary_cross_entropy(
    logits: jax.Array,
    target: jax.Array,
    known: jax.Array,
    *,
    positive_weights: Sequence[float] | jax.Array | None = None,
) -> tuple[jax.Array, jax.Array]:
    """Computes the binary cross entropy of each pixel and class.

    Args:
      logits: [B, H, W, K], of any float type. The computation is in float32.
      target: [B, H, W, K], 1 or True where the class is present, and 0 elsewhere.
      known: Booleans [B, H, W], False at pixels that do not count.
      positive_weights: [K]. Where a class is present, its loss is multiplied by its
        weight, like `pos_weight` in PyTorch.

    Returns:
      The loss of each pixel and class, and its weight in the mean, each float32
      [B, H, W, K]. The mean is over labeled pixels and classes.

    Raises:
      ValueError: If the shapes do not match.
    """
    value = _nll(logits, target, known)
    return _weighted(value, target, known, positive_weights)


def binary_focal(
    logits: jax.Array,
    target: jax.Array,
    known: jax.Array,
    *,
    gamma: float = 2.0,
    positive_weights: Sequence[float] | jax.Array | None = None,
) -> tuple[jax.Array, jax.Array]:
    """Computes the focal loss -(1 - p)^gamma log p of each pixel and class.

    p is the probability that the network gives to the true answer, which is sigmoid(z)
    where the class is present and 1 - sigmoid(z) elsewhere (arXiv 1708.02002).

    Differs: the paper divides by the number of positive examples. The mean here is over
    labeled pixels and classes.

    Args:
      logits: [B, H, W, K], of any float type. The computation is in float32.
      target: [B, H, W, K], 1 or True where the class is present, and 0 elsewhere.
      known: Booleans [B, H, W], False at pixels that do not count.
      gamma: The exponent that reduces the loss of pixels that are predicted well.
      positive_weights: [K]. Where a class is present, its loss is multiplied by its
        weight.

    Returns:
      The loss of each pixel and class, and its weight in the mean, each float32
      [B, H, W, K].

    Raises:
      ValueError: If the shapes do not match or gamma is negative.
    """
    if gamma < 0:
        raise ValueError(f"gamma={gamma} is invalid: expected 0 or more.")
    nll = _nll(logits, target, known)
    # The floor keeps the slope of x**gamma finite at p = 1 for gamma < 1.
    miss = jnp.maximum(-jnp.expm1(-nll), 1e-7)
    return _weighted(nll * miss**gamma, target, known, positive_weights)


def check_sigmoid_shapes(
    logits: jax.Array, target: jax.Array, known: jax.Array
) -> None:
    """Raises ValueError unless the arguments of a loss of sigmoid outputs match.

    They match if logits and target are [B, H, W, K] and known is [B, H, W].
    """
    if not logits.ndim == 4 or not logits.shape == target.shape == (
        *known.shape,
        logits.shape[-1],
    ):
        raise ValueError(
            f"logits.shape={logits.shape} with target.shape={target.shape} and "
            f"known.shape={known.shape} is invalid: expected [B, H, W, K] for logits "
            "and target, and [B, H, W] for known."
        )


def known_scores(logits: jax.Array, target: jax.Array, known: jax.Array) -> jax.Array:
    """Returns the logits in float32 and sets them to 0 at pixels that do not count.

    The logits are masked before a loss is computed, so that the gradient at such a
    pixel is 0 even if a logit is infinite. Where a target is neither 0 nor 1, the logit
    becomes NaN, and thus the loss.

    Args:
      logits: [B, H, W, K], of any float type.
      target: [B, H, W, K], 1 or True where the class is present, and 0 elsewhere.
      known: Booleans [B, H, W], False at pixels that do not count.
    """
    legal = jnp.where((target == 0) | (target == 1), 0.0, jnp.nan)
    return jnp.where(known[..., None], logits.astype(jnp.float32) + legal, 0.0)


def _nll(logits, target, known):
    check_sigmoid_shapes(logits, target, known)
    score = known_scores(logits, target, known)
    return jax.nn.softplus(jnp.where(target.astype(bool), -score, score))


def _weighted(value, target, known, positive_weights):
    weight = jnp.broadcast_to(known[..., None], value.shape).astype(jnp.float32)
    if positive_weights is not None:
        factor = jnp.asarray(positive_weights, jnp.float32)
        if factor.shape != value.shape[-1:]:
            raise ValueError(
                f"positive_weights.shape={factor.shape} is invalid: expected "
                f"{value.shape[-1:]}, one weight for each logit."
            )
        factor = factor.reshape(1, 1, 1, -1)
        value = jnp.where(target.astype(bool), factor * value, value)
    return jnp.where(known[..., None], value, 0.0), weight
