"""Computes GINet's loss for the presence of classes in an image (arXiv 2009.06160)."""

import jax
import jax.numpy as jnp

from jaxseg.losses.mask import one_hot


def presence_cross_entropy(
    presence: jax.Array, label: jax.Array, *, void: int = 255
) -> tuple[jax.Array, jax.Array]:
    """Computes the binary cross entropy of the presence of each class in an image.

    This is the semantic context loss of the paper, which gives it the weight 0.2.

    Args:
      presence: Logits [B, K] for the presence of class k in an image.
      label: Integers [B, H, W].
      void: The ignore index. An image that is entirely void has weight 0.

    Returns:
      The loss of each image and class, and its weight in the mean, each float32
      [B, K].

    Raises:
      ValueError: If the shapes do not match.
    """
    if presence.ndim != 2 or presence.shape[0] != label.shape[0]:
        raise ValueError(
            f"presence.shape={presence.shape} is invalid: expected ({label.shape[0]}, "
            "K), one logit for each image and class."
        )
    known = label != void
    seen = one_hot(label, presence.shape[1]) & known[..., None]
    target = jnp.any(seen, axis=(1, 2))
    score = presence.astype(jnp.float32)
    value = jax.nn.softplus(jnp.where(target, -score, score))
    weight = jnp.any(known, axis=(1, 2))[:, None].astype(jnp.float32)
    weight = jnp.broadcast_to(weight, value.shape)
    return value * weight, weight
