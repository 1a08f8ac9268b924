"""Holds the sums over overlapping windows on the device that runs the network.

The sums are held for a band: those rows of the result to which later windows may still
contribute.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxseg.inference.windows.blending import span_weights, totals
from jaxseg.inference.windows.grid import Grid
from jaxseg.inference.windows.host_band import CHUNK, Place, band_height


class DeviceBand:
    """Holds the unfinished rows of the result, the band, in an array on a device.

    Compiled programs need constant sizes, so the whole output of a window is added,
    with the weight 0 outside of the part that is used. The array therefore has unused
    rows and columns before the band and after it.
    """

    def __init__(self, grid: Grid, *, device: jax.Device | None = None) -> None:
        """Computes the weights of the windows.

        The first call of `add` allocates the band.

        Args:
          grid: The windows of the image.
          device: The device that holds the band. None selects the first local device.
        """
        self._grid, self._device = grid, device or jax.local_devices()[0]
        self._weights = [jnp.asarray(span_weights(grid, axis)) for axis in (0, 1)]
        down, across = totals(grid)
        self._down = np.pad(down, (0, CHUNK), constant_values=1)
        self._base = 0
        self._lead = self._lead_rows(), self._lead_columns()
        end = max(span.read[1] for span in grid.columns) - grid.margin[1]
        after = max(end - grid.size[1], 0)
        self._across = np.pad(across, (self._lead[1], after), constant_values=1)
        self._band: jax.Array | None = None

    def add(self, values: Any, places: Sequence[Place]) -> None:
        """Adds the weighted outputs of windows to the unfinished rows.

        Args:
          values: The outputs of a batch of windows, [B, h, w, ...].
          places: The index of each output to add, and the window to which it belongs.
        """
        values = jax.device_put(values, self._device)
        if self._band is None:
            self._base = self._grid.rows[places[0].row].keep[0]
            self._band = self._allocate(values)
        order = np.zeros((len(values), 6), np.int32)
        for line, place in zip(order, places, strict=False):
            line[:] = (*place, *self._corner(place), 1)
        self._band = _add(
            self._band,
            values,
            order=order,
            weights=self._weights,
            average=self._grid.blend != "center",
        )

    def take(self, first: int, last: int) -> jax.Array:
        """Returns the rows `first` to `last - 1` of the result, [n, W, ...].

        Call this only for rows to which no later window contributes. The sum at each
        pixel is divided by the sum of the weights of all windows over the pixel.
        """
        top = first - self._base + self._lead[0]
        rows = _rows(self._band, np.int32(top))
        if self._grid.blend != "center":
            rows = _divide(rows, self._down[first : first + CHUNK], self._across)
        left = self._lead[1]
        return rows[: last - first, left : left + self._grid.size[1]]

    def drop(self, row: int) -> None:
        """Removes finished rows from memory to make room for later ones.

        Args:
          row: The number of the first row of the image that stays in memory.
        """
        self._band = _drop(self._band, np.int32(row - self._base))
        self._base = row

    def _allocate(self, values: jax.Array) -> jax.Array:
        averaged = self._grid.blend != "center"
        dtype = jnp.float32 if averaged else values.dtype
        height = self._lead[0] + band_height(self._grid)
        height += max(CHUNK, self._grid.output[0])
        shape = (height, len(self._across), *values.shape[3:])
        return jnp.zeros(shape, dtype, device=self._device)

    def _corner(self, place: Place) -> tuple[int, int]:
        """Returns the row and column of the array at which an output begins."""
        spans = self._grid.rows[place.row], self._grid.columns[place.column]
        top, left = (
            span.read[0] + margin
            for span, margin in zip(spans, self._grid.margin, strict=True)
        )
        return top - self._base + self._lead[0], left + self._lead[1]

    def _lead_rows(self) -> int:
        margin = self._grid.margin[0]
        return max(span.keep[0] - span.read[0] - margin for span in self._grid.rows)

    def _lead_columns(self) -> int:
        first = min(span.read[0] for span in self._grid.columns) + self._grid.margin[1]
        return max(-first, 0)


@functools.partial(jax.jit, static_argnames="average", donate_argnums=0)
def _add(band, values, *, order, weights, average):
    shape = values.shape[1:]
    tail = (1,) * (values.ndim - 3)

    def add(i, band):
        index, row, column, top, left, used = order[i]
        start = (top, left, *(0 for _ in tail))
        weight = used * jnp.outer(weights[0][row], weights[1][column])
        weight = weight.reshape(*shape[:2], *tail)
        old = jax.lax.dynamic_slice(band, start, shape)
        new = jax.lax.dynamic_index_in_dim(values, index, keepdims=False)
        new = new.astype(band.dtype)
        new = old + weight * new if average else new
        return jax.lax.dynamic_update_slice(
            band, jnp.where(weight > 0, new, old), start
        )

    return jax.lax.fori_loop(0, order.shape[0], add, band)


@jax.jit
def _rows(band, top):
    return jax.lax.dynamic_slice_in_dim(band, top, CHUNK)


@jax.jit
def _divide(rows, down, across):
    return rows / down[:, None, None] / across[None, :, None]


@functools.partial(jax.jit, donate_argnums=0)
def _drop(band, count):
    kept = jnp.arange(len(band)) < len(band) - count
    kept = kept.reshape(-1, *(1,) * (band.ndim - 1))
    return jnp.where(kept, jnp.roll(band, -count, axis=0), 0)
