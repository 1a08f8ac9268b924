"""Makes XLA compute the norm of a gradient before it updates parameters in place."""

from __future__ import annotations

from typing import Any

import jax
import optax

from jaxseg.ops.lowering.scheduling import order_after


def gradient_and_norm(gradient: Any) -> tuple[Any, jax.Array]:
    """Returns a gradient and its norm; on a CPU, the gradient depends on the norm.

    On a CPU, an artificial dependency makes XLA compute the norm before it uses the
    gradient. XLA can then update the parameters in place instead of copying them. The
    values do not change.

    Args:
      gradient: A tree of arrays.
    """
    norm = optax.tree.norm(gradient)
    return jax.tree.map(lambda g: order_after(g, norm), gradient), norm
