"""Semantic context loss of GINet (arXiv 2009.06160): which classes are in the image?"""

import jax
import jax.numpy as jnp

from jaxseg.losses.mask import one_hot


def presence_cross_entropy(
    presence: jax.Array, label: jax.Array, *, void: int = 255
) -> tuple[jax.Array, jax.Array]:
    """Binary cross entropy of "class k appears in the image"; weight 0.2 in the paper.

    Args:
      presence: logits [B, K].
      label: int [B, H, W].
      void: pixels that show nothing; an image of void alone has weight 0.

    Returns: value and weight, [B, K] float32.
    """
    if presence.ndim != 2 or presence.shape[0] != label.shape[0]:
        raise ValueError(
            f"presence {presence.shape} does not fit label {label.shape}; want [B, K]"
        )
    known = label != void
    seen = one_hot(label, presence.shape[1]) & known[..., None]
    target = jnp.any(seen, axis=(1, 2))
    score = presence.astype(jnp.float32)
    value = jax.nn.softplus(jnp.where(target, -score, score))
    weight = jnp.any(known, axis=(1, 2))[:, None].astype(jnp.float32)
    weight = jnp.broadcast_to(weight, value.shape)
    return value * weight, weight
