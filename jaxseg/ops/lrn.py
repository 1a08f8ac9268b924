"""Local response normalization across channels (Krizhevsky 2012, Caffe's form)."""

import jax
import jax.numpy as jnp

from jaxseg.typing import Array


def local_response_norm(
    x: Array, *, size: int = 5, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Array:
    """Divide by `(k + alpha / size * sum of squares over size channels) ** beta`.

    Args:
      x: `[..., C]`.
      size: odd number of neighboring channels, centered; outside counts as zero.

    Returns:
      An array like `x`, computed in float32.

    Raises:
      ValueError: if `size` is even or not positive.
    """
    if size < 1 or size % 2 == 0:
        raise ValueError(f"size={size} must be odd and positive")
    channels, half = x.shape[-1], size // 2
    distance = jnp.abs(jnp.arange(channels)[:, None] - jnp.arange(channels)[None, :])
    band = (distance <= half).astype(jnp.float32)
    values = x.astype(jnp.float32)
    power = jnp.dot(jnp.square(values), band, precision=jax.lax.Precision.HIGHEST)
    return (values * (k + alpha / size * power) ** -beta).astype(x.dtype)
