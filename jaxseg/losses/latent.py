"""The divergence term of a latent-variable model's bound, per labeled pixel."""

import jax
import jax.numpy as jnp


def latent_kl(
    divergence: jax.Array, label: jax.Array, *, void: int = 255
) -> tuple[jax.Array, jax.Array]:
    """KL of each image, so weighted that beta means what it means in the paper.

    The bound of the Probabilistic U-Net (arXiv 1806.05034) is, summed over images,
    CE summed over pixels + beta KL. Cross entropy here is a mean over the N labeled
    pixels of the global batch. With value KL_i / n_i and weight n_i, the labeled
    pixels of image i, this mean is sum KL_i / N: the whole is the paper's objective
    divided by N, in the paper's balance whatever the image size and the void.

    Args:
      divergence: KL in nats, [B], summed over the latent.
      label: int [B, H, W]. An image of void alone has weight 0.

    Returns: value and weight, [B] float32.
    """
    if divergence.shape != label.shape[:1]:
        raise ValueError(
            f"divergence {divergence.shape} does not fit label {label.shape}; want [B]"
        )
    count = (label != void).sum(tuple(range(1, label.ndim))).astype(jnp.float32)
    value = jnp.where(count > 0, divergence, 0.0) / jnp.maximum(count, 1.0)
    return value.astype(jnp.float32), count
