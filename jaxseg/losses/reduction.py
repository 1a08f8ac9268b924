"""Reduces losses to one number, under jit and under pmap.

A loss returns a value and a weight of equal shape. The mean over the *global* batch is
sum(value * weight) / sum(weight). Under `jit`, with or without sharding, arrays contain
the global batch, and `axis_name` is None. Under `pmap`, an array contains the examples
of one device, so sums over the batch need `psum` over `axis_name`. The mean of the
means of all devices would be wrong if they hold different numbers of labeled pixels.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import jax
import jax.numpy as jnp

Term = tuple[jax.Array, jax.Array, float]
Tree = TypeVar("Tree")


def total(x: Tree, axis_name: str | None) -> Tree:
    """Sums an array, or each array of a pytree, over the pmap axis `axis_name`.

    If `axis_name` is None, `x` is returned unchanged.
    """
    return x if axis_name is None else jax.lax.psum(x, axis_name)


def gather(x: jax.Array, axis_name: str | None, axis: int = 0) -> jax.Array:
    """Concatenates the arrays of all devices of the pmap axis `axis_name`.

    If `axis_name` is None, the array of this device is returned unchanged.

    Args:
      x: The array of this device.
      axis_name: The axis of pmap, or None.
      axis: The array axis along which the arrays are concatenated.
    """
    if axis_name is None:
        return x
    return jax.lax.all_gather(x, axis_name, axis=axis, tiled=True)


def weighted_mean(
    value: jax.Array, weight: jax.Array, axis_name: str | None = None
) -> jax.Array:
    """Computes the contribution of this device to the weighted mean over all devices.

    The contribution is the sum of value * weight on this device, divided by the sum of
    the weights on all devices; the mean is the sum of all contributions. It is 0 with
    gradient 0 if all weights are 0. Without `axis_name`, it is the mean itself.
    """
    weights = total(weight.sum(), axis_name)
    return (value * weight).sum() / jnp.where(weights > 0, weights, 1.0)


def total_loss(
    terms: Mapping[str, Term],
    axis_name: str | None = None,
    *,
    weights: Mapping[str, jax.Array] | None = None,
) -> tuple[jax.Array, dict[str, jax.Array]]:
    """Returns the total loss, and a dictionary with the weighted mean of each term.

    The total loss is the sum of coefficient * weighted mean over all terms. With
    `axis_name`, all results are contributions of this device (see `weighted_mean`).

    Args:
      terms: A dictionary from the name of each term to its value, its weight and its
        coefficient.
      axis_name: The axis of pmap, or None.
      weights: A dictionary from the name of each term to its total weight in the global
        batch, which is above 0. It is needed if `terms` belong to only a part of the
        batch: the weighted sum of a term is divided by this number. None divides by
        the sum of the weights in `terms` over all devices.
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
