"""Reduces losses to one number, under jit and under pmap.

A loss returns a value and a weight of the same shape. The mean over the *global* batch
is sum(value * weight) / sum(weight). Under `jit`, sharded or not, arrays are global and
`axis_name` is None. Under `pmap` an array holds one device's part, so sums go through
`psum` over `axis_name`. A mean of per-device means would be wrong whenever devices hold
different numbers of labeled pixels.
"""

from __future__ import annotations

from collections.abc import Mapping

import jax
import jax.numpy as jnp

Term = tuple[jax.Array, jax.Array, float]


def total(x: jax.Array, axis_name: str | None) -> jax.Array:
    """Sums x over the devices of `axis_name`; returns x itself if that is None."""
    return x if axis_name is None else jax.lax.psum(x, axis_name)


def gather(x: jax.Array, axis_name: str | None, axis: int = 0) -> jax.Array:
    """Joins x of all devices along `axis`; returns x itself if `axis_name` is None."""
    if axis_name is None:
        return x
    return jax.lax.all_gather(x, axis_name, axis=axis, tiled=True)


def weighted_mean(
    value: jax.Array, weight: jax.Array, axis_name: str | None = None
) -> jax.Array:
    """Computes this device's part of the weighted mean; the parts sum to the mean.

    The part is sum(value * weight) / total(sum(weight)). It is 0 with gradient 0 if all
    weights on all devices are 0. Without `axis_name` it is the mean itself.
    """
    weights = total(weight.sum(), axis_name)
    return (value * weight).sum() / jnp.where(weights > 0, weights, 1.0)


def total_loss(
    terms: Mapping[str, Term],
    axis_name: str | None = None,
    *,
    weights: Mapping[str, jax.Array] | None = None,
) -> tuple[jax.Array, dict[str, jax.Array]]:
    """Returns the sum of coefficient * weighted mean, and the means by name.

    With `axis_name`, all of them are this device's parts (see `weighted_mean`).

    Args:
      terms: Value, weight and coefficient of each term.
      axis_name: The axis of pmap, or None.
      weights: The divisor of each term, if `terms` belong to only a part of the batch.
        It is the positive weight of the term over the global batch.
    """
    if weights is None:
        shares = {
            name: weighted_mean(value, weight, axis_name)
            for name, (value, weight, _) in terms.items()
        }
    else:
        shares = {
            name: (value * weight).sum() / weights[name]
            for name, (value, weight, _) in terms.items()
        }
    whole = sum(terms[name][2] * share for name, share in shares.items())
    return jnp.asarray(whole, jnp.float32), shares
