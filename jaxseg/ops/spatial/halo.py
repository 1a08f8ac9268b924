"""Applies sliding windows to maps whose rows (and columns) are sharded over devices.

Each device computes its own rows of the result. It uses its own rows of the input and
fetches the missing ones from the devices before and after it. XLA's partitioner (of
jaxlib 0.10.2) can shard convolutions and pooling in this way too, but some of its
gradients are silently wrong: those of maps that do not divide evenly, of maps smaller
than the kernel, and of max pooling with overlapping windows.

A map of n rows on c devices is split into parts of ceil(n / c) rows. The last part may
be shorter.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

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
    slide: Slide,
    padding: tuple[Pair, Pair],
    fill: float = 0.0,
) -> Array:
    """Applies a window operation to a map that is sharded over the current mesh.

    Args:
      local: Runs on each device: (x [b, h, w, C], padding, *weights) -> [b, h', w', O].
        Along a sharded axis, x includes rows of other devices and fill values, and
        `padding`, ((top, bottom), (left, right)), is 0. `Slide` says what x is along a
        folded axis.
      x: [B, H, W, C].
      *weights: Arrays of which each device has a whole copy. Their gradients are summed
        over the devices.
      slide: How the window slides.
      padding: ((top, bottom), (left, right)), negative to crop.
      fill: The value of the padding.

    Returns:
      [B, H', W', O] with H' = (H + top + bottom - extent) // stride + 1.
    """
    names, counts = shared_axes(), parts()
    sizes = [slide.windows(a, x.shape[a + 1], padding[a]) for a in (0, 1)]
    cuts = [slide.cuts(a, x.shape[a + 1], padding[a], counts[a]) for a in (0, 1)]
    left = tuple(
        pads if name is None else (0, 0)
        for name, pads in zip(names, padding, strict=True)
    )
    x = pad_last(x, counts, fill)

    @jax.checkpoint  # Fetches halo rows again for gradients instead of storing them.
    def on_device(x, *weights):
        for axis, (name, cut) in enumerate(zip(names, cuts, strict=True), start=1):
            if name is not None:
                seen = [one.rows(x, axis=axis, name=name, fill=fill) for one in cut]
                x = seen[0] if len(seen) == 1 else jnp.stack(seen, 3)
        return local(x, left, *weights)

    spec = tiles(x)
    y = per_device(on_device, (spec, *(P() for _ in weights)), spec)(x, *weights)
    return split_rows(y[:, : sizes[0], : sizes[1]])


class Slide(NamedTuple):
    """Describes how a window slides over a map.

    A kernel with a large atrous rate reads rows that are far apart. Along a folded
    axis, a device fetches for each of the n kernel rows only the rows that it reads,
    and these become n entries of a new axis 3 of the map.

    Attributes:
      extent: Height and width, in pixels, of the area that a window covers.
      stride: The vertical and the horizontal step between windows, in pixels.
      folded: For each axis, the number of kernel rows (or columns) if it is folded.
        Otherwise it is 1, and a device fetches all rows that its windows cover.
    """

    extent: Pair
    stride: Pair
    folded: Pair = (1, 1)

    def windows(self, a: int, size: int, padding: Pair) -> int:
        """Returns how many windows there are along an axis, 0 for rows."""
        return (size + sum(padding) - self.extent[a]) // self.stride[a] + 1

    def cuts(self, a: int, size: int, padding: Pair, count: int) -> list[Cut]:
        """Returns the rows that each of `count` devices needs.

        Args:
          a: The axis, 0 for rows or 1 for columns.
          size: The number of rows of the map.
          padding: The numbers of rows before and after it.
          count: The number of devices that share the rows.

        Returns:
          One `Cut`, or one for each kernel row if the axis is folded.
        """
        extent, stride, taps = self.extent[a], self.stride[a], self.folded[a]
        held, made = -(-size // count), -(-self.windows(a, size, padding) // count)
        span = extent if taps == 1 else 1
        rate = (extent - 1) // max(1, taps - 1)
        keep, step = (made - 1) * stride + span, made * stride - held
        starts = [tap * rate - padding[0] for tap in range(taps)]
        return [Cut(start, keep, step, count) for start in starts]

    def fold(self, a: int, size: int, padding: Pair, taps: int) -> Slide:
        """Returns this `Slide`, with an axis folded if devices then fetch fewer rows.

        Args:
          a: The axis, 0 for rows or 1 for columns.
          size: The number of rows of the map.
          padding: The numbers of rows before and after it.
          taps: The number of kernel rows.
        """
        count = parts()[a]
        rows, columns = self.folded
        folded = self._replace(folded=(taps, columns) if a == 0 else (rows, taps))
        whole, single = (
            sum(cut.high - cut.low for cut in slide.cuts(a, size, padding, count))
            for slide in (self, folded)
        )
        return folded if count > 1 and single < whole else self


class Cut(NamedTuple):
    """Describes the rows that each of several devices needs.

    If each device holds n rows, device k needs `keep` rows from row
    k * (n + step) + start on.
    """

    start: int
    keep: int
    step: int
    devices: int

    @property
    def low(self) -> int:
        """Returns the first row that any device needs, counted from its own first."""
        return self.start + min(0, (self.devices - 1) * self.step)

    @property
    def high(self) -> int:
        """Returns the row after the last one that any device needs."""
        return self.start + max(0, (self.devices - 1) * self.step) + self.keep

    def rows(self, x: Array, *, axis: int, name: str, fill: float) -> Array:
        """Returns the rows that this device needs. It runs on each device."""
        x = rows_between(x, axis, name, low=self.low, high=self.high, fill=fill)
        start: Array | int = self.start - self.low
        if self.step:
            start = start + self.step * lax.axis_index(name)
        return lax.dynamic_slice_in_dim(x, start, self.keep, axis)


def rows_between(
    x: Array, axis: int, name: str, *, low: int, high: int, fill: float = 0.0
) -> Array:
    """Returns rows of a map, some or all of which other devices hold.

    It runs on each device. Only these rows are exchanged, in one step for each of the
    devices that hold some of them.

    Args:
      x: This device's part of the map.
      axis: The axis of x that is sharded.
      name: The mesh axis over which it is sharded.
      low: The first row, counted from the first row of this device; negative for rows
        of devices with lower indices on the mesh axis.
      high: The row after the last one, counted in the same way.
      fill: The value of rows beyond the first and the last device.
    """
    size, pieces = x.shape[axis], []
    for hop in range(low // size, -(-high // size)):
        first, last = max(low - hop * size, 0), min(high - hop * size, size)
        piece = lax.slice_in_dim(x, first, last, axis=axis)
        pieces.append(_from_device(piece, hop, name, fill))
    return jnp.concatenate(pieces, axis)


def _from_device(x, hop, name, fill):
    """Returns x of the device whose index is higher by `hop`."""
    count = lax.axis_size(name)
    if hop == 0:
        return x
    if abs(hop) >= count:
        return jnp.full_like(x, fill)
    ends = [(k + hop, k) for k in range(count) if 0 <= k + hop < count]
    got = lax.ppermute(x, name, ends)  # Zero where no device sends.
    if not fill:
        return got
    place = lax.axis_index(name) + hop
    return jnp.where((place >= 0) & (place < count), got, jnp.asarray(fill, x.dtype))


def pad_last(x: Array, counts: Sequence[int], fill: float = 0.0) -> Array:
    """Pads rows and columns at the end to multiples of two numbers.

    Args:
      x: [B, H, W, C].
      counts: How many devices share the rows, and how many the columns.
      fill: The value of the padding.
    """
    widths = [(0, -x.shape[a + 1] % counts[a], 0) for a in (0, 1)]
    value = np.array(fill, x.dtype)
    return lax.pad(x, value, ((0, 0, 0), *widths, (0, 0, 0)))
