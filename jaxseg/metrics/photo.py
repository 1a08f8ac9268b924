"""Computes the absolute error, the squared error and the PSNR of generated images."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp


def picture_errors(made: jax.Array, true: jax.Array) -> dict[str, jax.Array]:
    """Computes the mean absolute and the mean squared error of each picture.

    Args:
      made: The generated pictures, [B, H, W, C].
      true: The true pictures, [B, H, W, C], in the same range, such as -1 to 1.

    Returns:
      A dictionary with "l1", the mean absolute error of each picture, and "mse", the
      mean squared error, each [B].

    Raises:
      ValueError: If the shapes differ or do not have four axes.
    """
    if made.shape != true.shape or made.ndim != 4:
        raise ValueError(
            f"made.shape={made.shape} with true.shape={true.shape} is invalid: "
            "expected two equal shapes [B, H, W, C]."
        )
    gap = made - true
    axes = (1, 2, 3)
    return {"l1": jnp.abs(gap).mean(axes), "mse": (gap * gap).mean(axes)}


def psnr(mse: float, *, span: float) -> float:
    """Computes the peak signal-to-noise ratio (PSNR) in dB: 10 log10(span^2 / mse).

    It is infinite for mse = 0.

    Args:
      mse: The mean squared error.
      span: The width of the range of values, for example 2 for -1 to 1.
    """
    return math.inf if mse == 0 else 10 * math.log10(span**2 / mse)
