"""Many segmentations of one image from a network with a latent (arXiv 1806.05034).

The costly half of the network runs once per image; only the 1x1 convolutions that join
features and latent run for every hypothesis.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from jaxseg.typing import Array


def hypotheses(
    apply: Any, variables: Any, image: Array, key: Array, *, samples: int
) -> Array:
    """Logits of `samples` hypotheses drawn from the prior, [N, B, H, W, K].

    Args:
      apply: `model.apply` of a network with methods "encode" (image -> features and
        the prior's mean and log deviation [B, L]) and "combine" (features, latent
        [B, L] -> logits), such as `prob_unet`.
      image: [B, H, W, C], normalized.
      key: of all draws; the same key gives the same hypotheses.

    Raises: ValueError if `samples` is less than 1.
    """
    if samples < 1:
        raise ValueError(f"samples={samples} must be at least 1")
    features, (mean, log_deviation) = apply(variables, image, method="encode")
    noise = jax.random.normal(key, (samples, *mean.shape))
    latents = mean[None] + jnp.exp(log_deviation)[None] * noise
    return combined(apply, variables, features, latents)


def combined(apply: Any, variables: Any, features: Array, latents: Array) -> Array:
    """Logits [N, B, H, W, K] of given latents [N, B, L] over the same features."""
    join = lambda latent: apply(variables, features, latent, method="combine")
    return jax.vmap(join)(latents)
