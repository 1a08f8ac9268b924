"""The growing stack of channels of a dense block."""

import jax.numpy as jnp
from jax import lax

from jaxseg.typing import Array


def append_channels(stack: Array, new: Array) -> Array:
    """Appends the channels of a layer to those of all earlier layers.

    Without the barrier, XLA on CPU repeats the concatenation in each consumer, which is
    1.7 times slower.

    Args:
      stack: [..., C].
      new: [..., D], of the same type.

    Returns:
      [..., C + D].
    """
    return lax.optimization_barrier(jnp.concatenate([stack, new], axis=-1))
