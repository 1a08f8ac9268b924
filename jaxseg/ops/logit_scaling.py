"""Scales logits so that predicted probabilities agree with observed frequencies."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp


@dataclasses.dataclass(frozen=True)
class LogitScaling:
    """Calibrates logits: computes weight * logits + bias.

    With a single weight 1 / T and the bias 0, it is temperature scaling. With a weight
    and a bias for each logit, it is vector scaling (both: arXiv 1706.04599).

    >>> scaling = LogitScaling((0.5,), (0.0,))
    >>> scaling(jnp.asarray([4.0, -2.0])).tolist()
    [2.0, -1.0]

    Attributes:
      weight: One factor for all logits, or one for each of the K logits.
      bias: One offset for all logits, or one for each of the K logits.
    """

    weight: tuple[float, ...]
    bias: tuple[float, ...] = (0.0,)

    def __call__(self, logits: jax.Array) -> jax.Array:
        """Returns the scaled logits, float32 [..., K], for logits [..., K]."""
        shape = (1,) * (logits.ndim - 1) + (-1,)
        weight = jnp.asarray(self.weight, jnp.float32).reshape(shape)
        bias = jnp.asarray(self.bias, jnp.float32).reshape(shape)
        return weight * logits.astype(jnp.float32) + bias
