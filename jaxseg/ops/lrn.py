"""Local response normalization over channels, as in AlexNet and Caffe."""

import jax
import jax.numpy as jnp

from jaxseg.typing import Array


def local_response_norm(
    x: Array, *, size: int = 5, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Array:
    """Divides x by `(k + alpha / size * sum of squares over size channels) ** beta`.

    Args:
      x: [..., C].
      size: Odd number of channels around each channel. Missing channels count as 0.
      alpha: The factor of the mean of the squares.
      beta: The exponent.
      k: The constant term.

    Returns:
      An array like `x`, computed in float32.

    Raises:
      ValueError: If `size` is even or not positive.
    """
    if size < 1 or size % 2 == 0:
        raise ValueError(f"size={size} is invalid: expected a positive odd number.")
    channels, half = x.shape[-1], size // 2
    distance = jnp.abs(jnp.arange(channels)[:, None] - jnp.arange(channels)[None, :])
    band = (distance <= half).astype(jnp.float32)
    values = x.astype(jnp.float32)
    power = jnp.dot(jnp.square(values), band, precision=jax.lax.Precision.HIGHEST)
    return (values * (k + alpha / size * power) ** -beta).astype(x.dtype)
