"""Softmax attention between positions that are sharded over devices.

Every device keeps its own queries. The keys and values travel around a ring: in each
step, a device attends to the keys that it holds and passes them on. A running maximum
and a running sum give the exact softmax over all keys at the end, so that no device
ever holds the keys of all positions (ring attention, arXiv 2310.01889).

For the gradient, the keys and values travel a second time, and their gradients travel
with them. Only the result and the logarithm of the sum are stored.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxseg.typing import Array, Size

_MASKED = -1e30  # Finite, because a device can hold padding alone.


class Ring(NamedTuple):
    """Describes a ring of devices. It is hashable.

    Attributes:
      names: The mesh axes that the ring runs over.
      devices: The number of devices.
      valid: For each device, whether each of its keys counts, a tuple of tuples.
      scale: The factor that multiplies the dot products.
    """

    names: tuple[str, ...]
    devices: int
    valid: tuple[tuple[bool, ...], ...]
    scale: float


def inside(size: Size, counts: tuple[int, int]) -> np.ndarray:
    """Returns for each device which of its pixels are not padding, booleans [n, h * w].

    Args:
      size: The height and width of the map.
      counts: How many devices share the rows, and how many the columns.
    """
    sides = []
    for n, count in zip(size, counts, strict=True):
        held = -(-n // count)
        sides.append((np.arange(held * count) < n).reshape(count, held))
    rows, columns = sides
    valid = rows[:, None, :, None] & columns[None, :, None, :]
    return valid.reshape(counts[0] * counts[1], -1)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def ring_attend(ring: Ring, query: Array, key: Array, value: Array) -> Array:
    """Attends from the queries of this device to the keys of all devices.

    It runs on each device.

    Args:
      ring: The ring of devices.
      query: [B, N, H, D], with H heads.
      key: [B, M, H, D].
      value: [B, M, H, E].

    Returns:
      [B, N, H, E] in the dtype of `value`.
    """
    return _forward(ring, query, key, value)[0]


def _forward(ring, query, key, value):
    def block(key, value, step):
        scores = _scores(ring, query, key, step)
        best = scores.max(-1)
        share = jnp.exp(scores - best[..., None])
        return best, share.sum(-1), _mix(share, value)

    def turn(carry, step):
        key, value, *old = carry
        key, value = _passed(ring, (key, value))
        return (key, value, *_joined(old, block(key, value, step))), None

    carry = (key, value, *block(key, value, 0))
    (_, _, best, total, mixed), _ = lax.scan(turn, carry, jnp.arange(1, ring.devices))
    out = (mixed / _as_column(total)).astype(value.dtype)
    return out, (query, key, value, out, best + jnp.log(total))


def _joined(old, new):
    """Joins two parts of a softmax: maximum, sum, and weighted sum of the values."""
    best = jnp.maximum(old[0], new[0])
    shares = [jnp.exp(part[0] - best) for part in (old, new)]
    total = sum(part[1] * share for part, share in zip((old, new), shares, strict=True))
    mixed = sum(
        part[2] * _as_column(share)
        for part, share in zip((old, new), shares, strict=True)
    )
    return best, total, mixed


def _backward(ring, kept, grad):
    query, key, value, out, log_total = kept
    inner = (grad.astype(jnp.float32) * out.astype(jnp.float32)).sum(-1)  # [B, N, H]

    def block(key, value, step):
        share = jnp.exp(_scores(ring, query, key, step) - log_total[..., None])
        of_value = _product("bhnm,bnhe->bmhe", share.astype(grad.dtype), grad)
        slope = _product("bnhe,bmhe->bhnm", grad, value)
        slope = share * (slope - jnp.moveaxis(inner, 1, 2)[..., None]) * ring.scale
        slope = slope.astype(query.dtype)
        of_query = _product("bhnm,bmhd->bnhd", slope, key)
        return of_query, _product("bhnm,bnhd->bmhd", slope, query), of_value

    def turn(carry, step):
        key, value, of_query, of_key, of_value = carry
        key, value, of_key, of_value = _passed(ring, (key, value, of_key, of_value))
        more = block(key, value, step)
        return (
            key,
            value,
            of_query + more[0],
            of_key + more[1],
            of_value + more[2],
        ), None

    carry = (key, value, *block(key, value, 0))
    (_, _, *found), _ = lax.scan(turn, carry, jnp.arange(1, ring.devices))
    of_key, of_value = _passed(ring, found[1:])  # After a last step, they are at home.
    kinds = (query.dtype, key.dtype, value.dtype)
    grads = (found[0], of_key, of_value)
    return tuple(g.astype(kind) for g, kind in zip(grads, kinds, strict=True))


ring_attend.defvjp(_forward, _backward)


def _scores(ring, query, key, step):
    """Returns the scores [B, H, N, M] of keys that have traveled `step` steps."""
    scores = _product("bnhd,bmhd->bhnm", query, key) * ring.scale
    valid = np.array(ring.valid)
    if valid.all():
        return scores
    source = (lax.axis_index(ring.names) - step) % ring.devices
    return jnp.where(jnp.asarray(valid)[source][None, None, None], scores, _MASKED)


def _mix(share, value):
    return _product("bhnm,bmhe->bnhe", share.astype(value.dtype), value)


def _product(form, a, b):
    return jnp.einsum(form, a, b, preferred_element_type=jnp.float32)


def _as_column(x):
    """Turns [B, H, N] into [B, N, H, 1]."""
    return jnp.moveaxis(x, 1, 2)[..., None]


def _passed(ring, arrays):
    """Passes arrays to the next device of the ring."""
    ends = [(k, (k + 1) % ring.devices) for k in range(ring.devices)]
    return tuple(lax.ppermute(x, ring.names, ends) for x in arrays)
