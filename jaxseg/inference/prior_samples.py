"""Samples segmentations of an image, as in the Probabilistic U-Net (arXiv 1806.05034).

The features are computed once per image. Only the 1x1 convolutions that combine them
with a latent variable run for every sample.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from jaxseg.typing import Array


def sample_logits(
    apply: Any, variables: Any, image: Array, *, key: Array, samples: int
) -> Array:
    """Returns the logits for latent variables that are drawn at random from the prior.

    Args:
      apply: `model.apply` of a network such as `prob_unet` with two methods: "encode"
        maps images to features and to the mean and the log standard deviation of the
        prior, [B, L] each; "combine" maps features and latents [B, L] to logits.
      variables: The variables of the model.
      image: The normalized images, [B, H, W, C].
      key: The random key of all samples. The same key gives the same samples.
      samples: The number of samples N.

    Returns:
      The logits, [N, B, H, W, K].

    Raises:
      ValueError: If `samples` is less than 1.
    """
    if samples < 1:
        raise ValueError(f"samples={samples} is invalid: expected a number >= 1.")
    features, (mean, log_deviation) = apply(variables, image, method="encode")
    noise = jax.random.normal(key, (samples, *mean.shape))
    latents = mean[None] + jnp.exp(log_deviation)[None] * noise
    return combined(apply, variables=variables, features=features, latents=latents)


def combined(apply: Any, variables: Any, features: Array, latents: Array) -> Array:
    """Returns a network's logits for each of several values of the latent variable.

    Args:
      apply: `model.apply`, as in `sample_logits`.
      variables: The variables of the model.
      features: The features of the images, as "encode" returns them.
      latents: N values of the latent variable of each image, [N, B, L].

    Returns:
      The logits, [N, B, H, W, K].
    """
    join = lambda latent: apply(variables, features, latent, method="combine")
    return jax.vmap(join)(latents)
