"""Computes the KL term of the Probabilistic U-Net's objective (arXiv 1806.05034)."""

import jax
import jax.numpy as jnp


def latent_kl(
    divergence: jax.Array, label: jax.Array, *, void: int = 255
) -> tuple[jax.Array, jax.Array]:
    """Scales the KL divergence of each image to match a mean cross entropy over pixels.

    In the paper of the Probabilistic U-Net (arXiv 1806.05034), the objective of an
    image is the cross entropy summed over its pixels plus beta times the KL divergence.
    In jaxseg, the cross entropy is the mean over the N labeled pixels of the global
    batch. An image i with n_i labeled pixels therefore gets the value KL_i / n_i with
    the weight n_i, so that the weighted mean is sum(KL_i) / N. The objective is then
    that of the paper divided by N, and beta has the same meaning as in the paper.

    Args:
      divergence: KL in nats, summed over the latent dimensions, [B].
      label: Integers [B, H, W]. An image that is entirely void has weight 0.
      void: The ignore index.

    Returns:
      The loss of each image and its weight in the mean, each float32 [B].

    Raises:
      ValueError: If the shapes do not match.
    """
    if divergence.shape != label.shape[:1]:
        raise ValueError(
            f"divergence.shape={divergence.shape} is invalid: expected "
            f"{label.shape[:1]}, one number for each image in the batch."
        )
    count = (label != void).sum(tuple(range(1, label.ndim))).astype(jnp.float32)
    value = jnp.where(count > 0, divergence, 0.0) / jnp.maximum(count, 1.0)
    return value.astype(jnp.float32), count
