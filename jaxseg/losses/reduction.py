"""How unreduced losses become one number, alike under jit and under pmap.

A loss returns `(value, weight)` of one shape. The mean over the *global* batch is
sum(value * weight) / sum(weight). Under plain `jit`, sharded or not, arrays are
global and `axis_name` is None. Under `pmap` an array holds one device's part, so
sums go through `psum` over `axis_name`; a mean of per-device means would be wrong
whenever devices hold different numbers of labeled pixels.
"""

from __future__ import annotations

from collections.abc import Mapping

import jax
import jax.numpy as jnp

Term = tuple[jax.Array, jax.Array, float]


def total(x: jax.Array, axis_name: str | None) -> jax.Array:
    """Sum of x over the devices of `axis_name`; x itself when that is None."""
    return x if axis_name is None else jax.lax.psum(x, axis_name)


def gather(x: jax.Array, axis_name: str | None, axis: int = 0) -> jax.Array:
    """Join x of all devices along `axis`; x itself when `axis_name` is None."""
    if axis_name is None:
        return x
    return jax.lax.all_gather(x, axis_name, axis=axis, tiled=True)


def weighted_mean(
    value: jax.Array, weight: jax.Array, axis_name: str | None = None
) -> jax.Array:
    """This device's share of the weighted mean: the shares sum to the mean.

    sum(value * weight) / total(sum(weight)), and 0 with gradient 0 when no weight is
    left anywhere. Without `axis_name` the share is the mean itself.
    """
    weights = total(weight.sum(), axis_name)
    return (value * weight).sum() / jnp.where(weights > 0, weights, 1.0)


def total_loss(
    terms: Mapping[str, Term], axis_name: str | None = None
) -> tuple[jax.Array, dict[str, jax.Array]]:
    """Sum of coefficient * weighted mean, and the means by name (shares, see above)."""
    shares = {
        name: weighted_mean(value, weight, axis_name)
        for name, (value, weight, _) in terms.items()
    }
    whole = sum(terms[name][2] * share for name, share in shares.items())
    return jnp.asarray(whole, jnp.float32), shares
