"""Computes the focal loss (arXiv 1708.02002) for softmax probabilities."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from jaxseg.losses import mask
from jaxseg.losses._cross_entropy import pixel_nll


def focal(
    logits: jax.Array,
    label: jax.Array,
    *,
    void: int = 255,
    gamma: float = 2.0,
    class_weights: Sequence[float] | jax.Array | None = None,
) -> tuple[jax.Array, jax.Array]:
    """Computes the focal loss -(1 - p)^gamma log p of each pixel.

    p is the softmax probability of the pixel's class. The mean is over labeled pixels.

    Differs: the paper sums over sigmoid outputs and divides by the number of positive
    examples.

    Args:
      logits: [B, H, W, K], of any float type.
      label: Integers [B, H, W], 0 to K - 1 or `void`.
      void: The ignore index.
      gamma: The exponent that reduces the loss of pixels that are predicted well.
      class_weights: [K], the paper's alpha.

    Returns:
      The loss of each pixel and its weight in the mean, each [B, H, W].

    Raises:
      ValueError: If the shapes do not match or gamma is negative.
    """
    mask.check_shapes(logits, label)
    if gamma < 0:
        raise ValueError(f"gamma={gamma} is invalid: expected 0 or more.")
    nll = pixel_nll(logits, label, void)
    # The floor keeps the slope of x**gamma finite at p = 1 for gamma < 1.
    miss = jnp.maximum(-jnp.expm1(-nll), 1e-7)
    value = nll * miss**gamma
    if class_weights is not None:
        weights = mask.class_array(class_weights, logits.shape[-1])
        value = value * mask.per_pixel(label, weights, void)
    return value, mask.labeled(label, void)
