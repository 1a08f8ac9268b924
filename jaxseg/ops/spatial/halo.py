"""Windows that slide over rows (and columns) which several devices share.

Each device computes its own rows of the result, from its rows and those that it lacks,
fetched from the devices before and after. XLA's partitioner (of jaxlib 0.10.2) does the
same for convolutions and pooling, but some of its gradients are wrong, and nothing says
so: of maps that do not divide evenly, of maps smaller than the kernel, of max pooling
whose windows overlap.

A map of n rows on c devices lies in parts of ceil(n / c) rows; the last may be short.
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
    """`local` over windows of x [B, H, W, C], divided as the mesh at hand says.

    Args:
      local: (rows [b, h, w, C], what is still to pad along each axis, *weights) ->
        [b, h', w', O], on each device. Rows that others hold, or none, are there.
      weights: whole on each device; gradients are summed over all of them.
      extent: rows and columns from the first to the last that a window reads.
      padding: ((top, bottom), (left, right)), negative to crop, of `fill`.

    Returns: [B, H', W', O], H' = (H + top + bottom - extent) // stride + 1.
    """
    names, counts = shared_axes(), parts()
    sizes = [
        (x.shape[a + 1] + sum(padding[a]) - extent[a]) // stride[a] + 1 for a in (0, 1)
    ]
    cuts = [
        _cut(x.shape[a + 1], sizes[a], counts[a], extent[a], stride[a], padding[a][0])
        for a in (0, 1)
    ]
    left = tuple(
        pads if name is None else (0, 0)
        for name, pads in zip(names, padding, strict=True)
    )
    x = _pad_last(x, counts, fill)

    @jax.checkpoint  # fetches border rows again for gradients: x is kept, not both
    def on_device(x, *weights):
        for axis, (name, cut) in enumerate(zip(names, cuts, strict=True), start=1):
            x = x if name is None else _seen(x, axis, name, cut, fill)
        return local(x, left, *weights)

    lies = tiles(x)
    y = per_device(on_device, (lies, *(P() for _ in weights)), lies)(x, *weights)
    return split_rows(y[:, : sizes[0], : sizes[1]])


def with_neighbors(
    x: Array, axis: int, name: str, before: int, after: int, fill: float = 0.0
) -> Array:
    """x with rows (`axis`) of the devices before and after along a mesh axis.

    To be called on each device. More rows than a device holds come from several;
    `fill` stands beyond the first and last device.
    """
    count, size = lax.axis_size(name), x.shape[axis]
    part = functools.partial(lax.slice_in_dim, axis=axis)

    def fetched(hop, rows, down):
        sent = part(x, size - rows, size) if down else part(x, 0, rows)
        ends = [(k, k + hop) if down else (k + hop, k) for k in range(count - hop)]
        got = lax.ppermute(sent, name, ends)  # zero where nobody sends
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
    """Rows to fetch (before, after), first row to keep (base, step), rows to keep.

    Device k makes rows [k * made, ...) of the result, from row k * made * stride - pad
    on, and holds those from k * held on.
    """
    held, made = -(-size // count), -(-target // count)
    keep, step = (made - 1) * stride + extent, made * stride - held
    starts = [k * step - pad for k in range(count)]
    before = max(0, -min(starts))
    after = max(0, max(starts) + keep - held)
    return before, after, before - pad, step, keep


def _seen(x, axis, name, cut, fill):
    before, after, base, step, keep = cut
    x = with_neighbors(x, axis, name, before, after, fill)
    start = base + step * lax.axis_index(name) if step else base
    return lax.dynamic_slice_in_dim(x, start, keep, axis)


def _pad_last(x, counts, fill):
    """Rows and columns up to a multiple of the devices that share them."""
    widths = [(0, -x.shape[a + 1] % counts[a], 0) for a in (0, 1)]
    value = np.array(fill, x.dtype)
    return lax.pad(x, value, ((0, 0, 0), *widths, (0, 0, 0)))
