"""Tokens of a transformer whose patches are sharded over devices.

Every device holds the tokens of its own patches. It also holds a copy of the tokens
that belong to no patch, such as the class token, in front of them. The copies on all
devices are equal; attention counts the keys of the first device's copy alone. So all
devices hold equally many tokens, however many patches there are.
"""

import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import PartitionSpec as P

from jaxseg.ops.spatial.halo import pad_last
from jaxseg.ops.spatial.layout import (
    parts,
    per_device,
    shared_axes,
    split_rows,
    tiles,
)
from jaxseg.ops.spatial.ring import Ring, inside, ring_attend
from jaxseg.typing import Array, Size


def to_tokens(own: Array, x: Array) -> Array:
    """Joins tokens [B, k, C] and the pixels of a sharded map [B, h, w, C] to tokens.

    Returns:
      [B, devices * (k + n), C] for n pixels on each device, padding included, sharded
      along axis 1.
    """
    x = pad_last(x, parts())
    spec = tiles(x)

    def local(own, x):
        return jnp.concatenate([own, x.reshape(x.shape[0], -1, x.shape[-1])], axis=1)

    return per_device(local, (P(spec[0]), spec), P(spec[0], _axes()))(own, x)


def to_map(tokens: Array, own: int, size: Size) -> Array:
    """Returns the map [B, h, w, C] of tokens, without the `own` tokens of no patch."""
    held = [-(-n // count) for n, count in zip(size, parts(), strict=True)]

    def local(tokens):
        pixels = tokens[:, own:]
        return pixels.reshape(pixels.shape[0], *held, pixels.shape[-1])

    spec = _spec(tokens)
    y = per_device(local, spec, P(spec[0], *shared_axes()))(tokens)
    return split_rows(y[:, : size[0], : size[1]])


def own_tokens(tokens: Array, own: int) -> Array:
    """Returns the tokens that belong to no patch, [B, own, C], as a sum of one copy."""
    axes = _axes()

    def local(tokens):
        first = lax.axis_index(axes) == 0
        return lax.psum(jnp.where(first, tokens[:, :own], 0), axes)

    spec = _spec(tokens)
    return per_device(local, spec, P(spec[0]))(tokens)


def attend_sharded(
    query: Array, key: Array, value: Array, *, own: int, size: Size, scale: float
) -> Array:
    """Attends from all tokens to all tokens; keys and values travel around a ring.

    Args:
      query: [B, N, H, D], sharded as `to_tokens` returns tokens.
      key: [B, N, H, D].
      value: [B, N, H, E].
      own: The number of tokens that belong to no patch.
      size: The height and width of the map of patches.
      scale: The factor that multiplies the dot products.
    """
    valid = inside(size, parts())
    copies = np.zeros((len(valid), own), bool)
    copies[0] = True
    valid = np.concatenate([copies, valid], axis=1)
    ring = Ring(_axes(), len(valid), tuple(map(tuple, valid.tolist())), scale)
    spec = _spec(query)

    def local(query, key, value):
        return ring_attend(ring, query, key, value)

    return per_device(local, (spec,) * 3, spec)(query, key, value)


def _axes():
    return tuple(name for name in shared_axes() if name)


def _spec(tokens):
    return P(tiles(tokens[:, None])[0], _axes())
