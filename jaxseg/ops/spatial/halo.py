"""Applies sliding windows to maps whose rows (and columns) are sharded over devices.

Each device computes its own rows of the result. It uses its own rows of the input and
fetches the missing ones from the devices before and after it. XLA's partitioner (of
jaxlib 0.10.2) can shard convolutions and pooling in this way too, but some of its
gradients are silently wrong: those of maps that do not divide evenly, of maps smaller
than the kernel, and of max pooling with overlapping windows.

A map of n rows on c devices is split into parts of ceil(n / c) rows. The last part may
be shorter.
"""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import PartitionSpec as P

from jaxseg.ops.spatial.layout import parts, per_device, shared_axes, split_rows, tiles
from jaxseg.typing import Array

Pair = tuple[int, int]


def windowed(
    local: Callable,
    x: Array,
    *weights: Array,
    extent: Pair,
    stride: Pair,
    padding: tuple[Pair, Pair],
    fill: float = 0.0,
) -> Array:
    """Applies a window operation to a map that is sharded over the current mesh.

    Args:
      local: Runs on each device: (x [b, h, w, C], padding, *weights) -> [b, h', w', O].
        Along a sharded axis, x includes rows of other devices and fill values, and
        `padding`, ((top, bottom), (left, right)), is 0.
      x: [B, H, W, C].
      *weights: Arrays of which each device has a whole copy. Their gradients are summed
        over the devices.
      extent: Height and width, in pixels, of the area that a window covers.
      stride: The vertical and the horizontal step between windows, in pixels.
      padding: ((top, bottom), (left, right)), negative to crop.
      fill: The value of the padding.

    Returns:
      [B, H', W', O] with H' = (H + top + bottom - extent) // stride + 1.
    """
    names, counts = shared_axes(), parts()
    sizes = [
        (x.shape[a + 1] + sum(padding[a]) - extent[a]) // stride[a] + 1 for a in (0, 1)
    ]
    cuts = [
        _cut(
            x.shape[a + 1],
            target=sizes[a],
            count=counts[a],
            extent=extent[a],
            stride=stride[a],
            pad=padding[a][0],
        )
        for a in (0, 1)
    ]
    left = tuple(
        pads if name is None else (0, 0)
        for name, pads in zip(names, padding, strict=True)
    )
    x = _pad_last(x, counts, fill)

    @jax.checkpoint  # Fetches halo rows again for gradients instead of storing them.
    def on_device(x, *weights):
        for axis, (name, cut) in enumerate(zip(names, cuts, strict=True), start=1):
            x = (
                x
                if name is None
                else _seen(x, axis=axis, name=name, cut=cut, fill=fill)
            )
        return local(x, left, *weights)

    spec = tiles(x)
    y = per_device(on_device, (spec, *(P() for _ in weights)), spec)(x, *weights)
    return split_rows(y[:, : sizes[0], : sizes[1]])


def with_neighbors(
    x: Array, axis: int, name: str, before: int, after: int, fill: float = 0.0
) -> Array:
    """Returns x, extended by rows that the devices before and after it hold.

    It runs on each device. If more rows are needed than one neighbor holds, they come
    from several devices.

    Args:
      x: This device's part of the map.
      axis: The axis of x that is sharded.
      name: The mesh axis over which it is sharded.
      before: Number of rows to fetch from devices with lower indices on the mesh axis.
      after: Number of rows to fetch from devices with higher indices on the mesh axis.
      fill: The value of rows beyond the first and the last device.
    """
    count, size = lax.axis_size(name), x.shape[axis]
    part = functools.partial(lax.slice_in_dim, axis=axis)

    def fetched(hop, rows, down):
        sent = part(x, size - rows, size) if down else part(x, 0, rows)
        ends = [(k, k + hop) if down else (k + hop, k) for k in range(count - hop)]
        got = lax.ppermute(sent, name, ends)  # Zero where no device sends.
        if not fill:
            return got
        place = lax.axis_index(name)
        inside = place >= hop if down else place < count - hop
        return jnp.where(inside, got, jnp.asarray(fill, x.dtype))

    pieces = [x]
    for hop in range(1, -(-before // size) + 1):
        pieces.insert(0, fetched(hop, min(size, before - (hop - 1) * size), True))
    for hop in range(1, -(-after // size) + 1):
        pieces.append(fetched(hop, min(size, after - (hop - 1) * size), False))
    return jnp.concatenate(pieces, axis)


def _cut(size, target, count, extent, stride, pad):
    """Returns (before, after, base, step, keep) of the rows that each device needs.

    A device fetches `before` and `after` rows, and keeps `keep` rows of the result from
    row base + step * k on, where k is its index. Device k computes rows [k * made, ...)
    of the output, which read from row k * made * stride - pad on, and holds the rows of
    the input from k * held on.
    """
    held, made = -(-size // count), -(-target // count)
    keep, step = (made - 1) * stride + extent, made * stride - held
    starts = [k * step - pad for k in range(count)]
    before = max(0, -min(starts))
    after = max(0, max(starts) + keep - held)
    return before, after, before - pad, step, keep


def _seen(x, axis, name, cut, fill):
    before, after, base, step, keep = cut
    x = with_neighbors(x, axis=axis, name=name, before=before, after=after, fill=fill)
    start = base + step * lax.axis_index(name) if step else base
    return lax.dynamic_slice_in_dim(x, start, keep, axis)


def _pad_last(x, counts, fill):
    """Pads rows and columns to multiples of the numbers of devices that share them."""
    widths = [(0, -x.shape[a + 1] % counts[a], 0) for a in (0, 1)]
    value = np.array(fill, x.dtype)
    return lax.pad(x, value, ((0, 0, 0), *widths, (0, 0, 0)))
