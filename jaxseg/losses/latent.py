"""The KL term of a latent-variable model's evidence lower bound, per labeled pixel."""

import jax
import jax.numpy as jnp


def latent_kl(
    divergence: jax.Array, label: jax.Array, *, void: int = 255
) -> tuple[jax.Array, jax.Array]:
    """Weights the KL divergence of each image so that beta has the paper's meaning.

    The bound of the Probabilistic U-Net (arXiv 1806.05034), summed over images, is the
    cross entropy summed over pixels plus beta KL. Here the cross entropy is a mean over
    the N labeled pixels of the global batch. Image i has n_i labeled pixels and gets
    the value KL_i / n_i with weight n_i, so that the weighted mean is sum KL_i / N. The
    objective is then the paper's divided by N, and the balance of the two terms does
    not depend on the image size or on the number of void pixels.

    Args:
      divergence: KL in nats, summed over the latent dimensions, [B].
      label: Integers [B, H, W]. An image that is entirely void has weight 0.
      void: The ignore index.

    Returns:
      Value and weight, each float32 [B].

    Raises:
      ValueError: If the shapes do not match.
    """
    if divergence.shape != label.shape[:1]:
        raise ValueError(
            f"divergence of shape {divergence.shape} is invalid: expected "
            f"{label.shape[:1]}, one number for each image of the label."
        )
    count = (label != void).sum(tuple(range(1, label.ndim))).astype(jnp.float32)
    value = jnp.where(count > 0, divergence, 0.0) / jnp.maximum(count, 1.0)
    return value.astype(jnp.float32), count
