"""Makes XLA compute the norm of a gradient before it updates parameters in place."""

from __future__ import annotations

from typing import Any

import jax
import optax

from jaxseg.ops.lowering.scheduling import order_after


def gradient_and_norm(gradient: Any) -> tuple[Any, jax.Array]:
    """Returns a pair: the gradient with unchanged values, and its global norm.

    On a CPU, the returned gradient depends artificially on the norm, so that XLA
    computes the norm before it uses the gradient. XLA can then update the parameters in
    place instead of copying them.

    Args:
      gradient: A tree of arrays.
    """
    norm = optax.tree.norm(gradient)
    return jax.tree.map(lambda g: order_after(g, norm), gradient), norm
