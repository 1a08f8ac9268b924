"""Computes convolutions as sums of matrix products, one for each kernel position.

This is faster than `lax.conv_general_dilated` in two cases. In the first, most
positions of an atrous kernel fall outside the map. Only those inside are multiplied,
such as a quarter of all positions at rate 24 on a map of 33 x 33 pixels. The second
case is grouped convolution, whose weight gradient XLA compiles to a scalar loop nest on
a CPU.
"""

import math
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxseg.ops.lowering.scheduling import order_after
from jaxseg.typing import Array

Pair = tuple[int, int]
Pads = tuple[Pair, Pair]


def share_inside(x: Array, kernel: Array, rate: Pair, padding: Pads) -> float:
    """Returns the fraction of kernel weights that are multiplied by pixels of the map.

    All other weights are multiplied by padding. The fraction is the average over all
    output pixels of a convolution of stride 1.
    """
    share = 1.0
    for a in (0, 1):
        spans = _spans(
            x.shape[a + 1], taps=kernel.shape[a], rate=rate[a], padding=padding[a]
        )
        size, count = (
            _size(x, kernel=kernel, rate=rate, padding=padding, axis=a),
            kernel.shape[a],
        )
        share *= sum(max(0, stop - start) for start, stop, _ in spans) / (count * size)
    return share


def sliced_conv(x: Array, kernel: Array, *, rate: Pair, padding: Pads) -> Array:
    """Runs the stride-1 convolution of x [B, H, W, C] and kernel [kh, kw, C, O].

    Each kernel position multiplies only the part of the map that it reads. Sums are
    float32. Forward-mode differentiation is not available.
    """
    return _sliced(rate, padding, x, kernel)


@partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _sliced(rate, padding, x, kernel):
    sizes = [
        _size(x, kernel=kernel, rate=rate, padding=padding, axis=a) for a in (0, 1)
    ]
    total = jnp.zeros((x.shape[0], *sizes, kernel.shape[3]), jnp.float32)
    for turn, (tap, read, write) in enumerate(
        _taps(x, kernel=kernel, rate=rate, padding=padding)
    ):
        part = _wait(turn, total, x[read]).reshape(-1, x.shape[3])
        total = _plus(total, write, _product(part, kernel[tap]))
    return total.astype(x.dtype)


def _sliced_forward(rate, padding, x, kernel):
    return _sliced(rate, padding, x, kernel), (x, kernel)


def _sliced_backward(rate, padding, saved, grad):
    x, kernel = saved
    of_x, of_taps = jnp.zeros(x.shape, jnp.float32), {}
    for turn, (tap, read, write) in enumerate(
        _taps(x, kernel=kernel, rate=rate, padding=padding)
    ):
        part = _wait(turn, of_x, x[read]).reshape(-1, x.shape[3])
        toward = _wait(turn, of_x, grad[write]).reshape(-1, kernel.shape[3])
        of_taps[tap] = _product(part.T, toward)
        of_x = _plus(of_x, read, _product(toward, kernel[tap].T))
    nothing = jnp.zeros(kernel.shape[2:], jnp.float32)
    places = np.ndindex(kernel.shape[:2])
    of_kernel = jnp.stack([of_taps.get(tap, nothing) for tap in places])
    return of_x.astype(x.dtype), of_kernel.reshape(kernel.shape).astype(kernel.dtype)


_sliced.defvjp(_sliced_forward, _sliced_backward)


def _taps(x, kernel, rate, padding):
    """Returns (tap, slices it reads, slices it writes) of the taps that meet the map.

    The slices index [B, H, W]. The taps with the largest slices come first.
    """
    axes = []
    for a in (0, 1):
        spans = _spans(
            x.shape[a + 1], taps=kernel.shape[a], rate=rate[a], padding=padding[a]
        )
        axes.append(
            [
                (u, slice(start + off, stop + off), slice(start, stop))
                for u, (start, stop, off) in enumerate(spans)
                if start < stop
            ]
        )
    every = slice(None)
    found = [
        ((u, v), (every, rows, columns), (every, down, across))
        for u, rows, down in axes[0]
        for v, columns, across in axes[1]
    ]
    return sorted(found, key=lambda tap: -math.prod(_lengths(tap[2][1:])))


def _lengths(slices):
    return [one.stop - one.start for one in slices]


def _wait(turn, total, part):
    """Delays a product until the earlier ones are added, which frees their inputs."""
    return order_after(part, total[0, 0, 0, 0]) if turn else part


def _product(a, b):
    return jnp.matmul(a, b, preferred_element_type=jnp.float32)


def _plus(total, where, y):
    """Adds y [:, C] to the part `where` of total [B, H, W, C]."""
    part = total[where]
    starts = (0, where[1].start, where[2].start, 0)
    return lax.dynamic_update_slice(total, part + y.reshape(part.shape), starts)


def grouped_conv(
    x: Array, kernel: Array, *, stride: Pair, rate: Pair, padding: Pads, groups: int
) -> Array:
    """Runs the grouped convolution of x and kernel as batches of matrix products.

    The groups become the first axis, so that each kernel position needs one batched
    matrix product.

    Args:
      x: [B, H, W, C].
      kernel: [kh, kw, C / groups, O].
      stride: The step between outputs of rows and columns, in pixels.
      rate: The atrous rates of rows and columns.
      padding: ((top, bottom), (left, right)), negative to crop.
      groups: Number of channel groups.

    Returns:
      [B, H', W', O].
    """
    kh, kw, c, o = kernel.shape
    widths = ((0, 0, 0), (*padding[0], 0), (*padding[1], 0), (0, 0, 0))
    x = lax.pad(x, jnp.zeros((), x.dtype), widths)
    b, height, width, _ = x.shape
    x = x.reshape(b, height, width, groups, c).transpose(3, 0, 1, 2, 4)
    kernel = kernel.reshape(kh, kw, c, groups, o // groups).transpose(0, 1, 3, 2, 4)
    h, w = (
        (n - r * (k - 1) - 1) // s + 1
        for n, r, k, s in zip((height, width), rate, (kh, kw), stride, strict=True)
    )
    total: Any = None
    for u in range(kh):
        for v in range(kw):
            top, left = u * rate[0], v * rate[1]
            bottom = top + stride[0] * (h - 1) + 1
            right = left + stride[1] * (w - 1) + 1
            part = x[:, :, top : bottom : stride[0], left : right : stride[1]]
            y = jnp.matmul(
                part.reshape(groups, -1, c),
                kernel[u, v],
                preferred_element_type=jnp.float32,
            )
            total = y if total is None else total + y
    total = total.reshape(groups, b, h, w, -1).transpose(1, 2, 3, 0, 4)
    return total.reshape(b, h, w, o).astype(x.dtype)


def _size(x, kernel, rate, padding, axis):
    """Returns the number of output rows (axis 0) or columns (axis 1) at stride 1."""
    extent = rate[axis] * (kernel.shape[axis] - 1)
    return x.shape[axis + 1] + sum(padding[axis]) - extent


def _spans(size, taps, rate, padding):
    """Returns (start, stop, offset) for each tap.

    The outputs from start to stop read the map. Output i reads input i + offset.
    """
    count = size + sum(padding) - rate * (taps - 1)
    offsets = [u * rate - padding[0] for u in range(taps)]
    return [(max(0, -o), min(count, size - o), o) for o in offsets]
