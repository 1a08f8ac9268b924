"""Computes the norm of a gradient before anything else reads the gradient."""

from __future__ import annotations

from typing import Any

import jax
import optax

from jaxseg.ops.lowering.scheduling import order_after


def gradient_and_norm(gradient: Any) -> tuple[Any, jax.Array]:
    """Returns a gradient that waits for its own norm on a CPU, and the norm.

    XLA then knows that nothing reads the old parameters when they are updated, and
    updates them in place instead of copying them. The values do not change.

    Args:
      gradient: A tree of arrays.
    """
    norm = optax.tree.norm(gradient)
    return jax.tree.map(lambda g: order_after(g, norm), gradient), norm
