"""Computes the norm of a gradient before XLA updates parameters in place."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import optax

from jaxseg.ops.lowering.norm_vjp import on_one_cpu
from jaxseg.ops.lowering.scheduling import zero_after

_SMALL = 4096  # Leaves with at most this many values are added up together.


def gradient_and_norm(gradient: Any) -> tuple[Any, jax.Array]:
    """Returns a pair: the gradient with unchanged values, and its global norm.

    On a CPU, the returned gradient depends artificially on the norm, so that XLA
    computes the norm before it uses the gradient. XLA can then update the parameters in
    place instead of copying them.

    Args:
      gradient: A tree of arrays.
    """
    leaves = jax.tree.leaves(gradient)
    if not on_one_cpu() or any(leaf.dtype != jnp.float32 for leaf in leaves):
        return gradient, optax.tree.norm(gradient)
    norm = jnp.sqrt(_square_sum(leaves))
    zero = zero_after(norm)
    return jax.tree.map(lambda g: g + zero, gradient), norm


def _square_sum(leaves):
    """Adds the squares of all values with few operations, which compile fast.

    Small leaves are concatenated. A large leaf is multiplied by itself, because XLA
    divides each of its sums into several kernels.
    """
    flat = [leaf.reshape(-1) for leaf in leaves]
    small = [leaf for leaf in flat if leaf.size <= _SMALL]
    parts = [leaf for leaf in flat if leaf.size > _SMALL]
    if small:
        parts.append(jnp.concatenate(small))
    return sum(jnp.vdot(part, part) for part in parts)
