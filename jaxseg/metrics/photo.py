"""How far a made picture is from the true one: absolute error and PSNR."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp


def picture_errors(made: jax.Array, true: jax.Array) -> dict[str, jax.Array]:
    """Mean absolute and mean squared error of each picture, [B] each.

    Args:
      made, true: [B, H, W, C] of one range, such as -1 ... 1.
    """
    if made.shape != true.shape or made.ndim != 4:
        raise ValueError(
            f"made {made.shape}, true {true.shape}; want equal [B, H, W, C]"
        )
    gap = made - true
    axes = (1, 2, 3)
    return {"l1": jnp.abs(gap).mean(axes), "mse": (gap * gap).mean(axes)}


def psnr(mse: float, *, span: float) -> float:
    """Peak signal-to-noise ratio in dB: 10 log10(span^2 / mse); infinite at mse 0.

    `span` is the width of the range of values, 2 for -1 ... 1.
    """
    return math.inf if mse == 0 else 10 * math.log10(span**2 / mse)
