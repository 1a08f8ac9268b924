"""Depthwise convolution as a sum of shifted products, with a gradient rule.

y = sum_{u,v} x[shifted by (u, v) * rate] * kernel[u, v]. The gradient of x is a sum of
shifted products with the flipped kernel. The gradient of the kernel is one reduction
for each kernel position (u, v).
"""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax

from jaxseg.ops.lowering.scheduling import order_after
from jaxseg.typing import Array

_BLOCK = 16  # Output rows per step of the kernel gradient on a CPU.


def depthwise_conv(
    x: Array,
    kernel: Array,
    *,
    stride: tuple[int, int],
    rate: tuple[int, int],
    padding: tuple[tuple[int, int], tuple[int, int]],
) -> Array:
    """Runs the depthwise convolution of x [B, H, W, C] and kernel [kh, kw, 1, C * m].

    Output channel c * m + i convolves input channel c, as in
    `lax.conv_general_dilated(..., feature_group_count=C)`.

    Args:
      x: [B, H, W, C].
      kernel: [kh, kw, 1, C * m].
      stride: The step between outputs of rows and columns, in pixels.
      rate: The atrous rates of rows and columns.
      padding: ((top, bottom), (left, right)), negative to crop.

    Returns:
      [B, H', W', C * m].
    """
    multiplier = kernel.shape[-1] // x.shape[-1]
    if multiplier > 1:
        x = jnp.repeat(x, multiplier, axis=-1)
    return _shifted_products(stride, rate, padding, x, kernel[:, :, 0])


@partial(jax.custom_vjp, nondiff_argnums=(0, 1, 2))
def _shifted_products(stride, rate, padding, x, kernel):
    y = None
    for u, v, part in _taps(
        x, taps=kernel.shape[:2], stride=stride, rate=rate, padding=padding
    ):
        term = part * kernel[u, v].reshape(1, 1, 1, -1)
        y = term if y is None else y + term
    return y


def _pad(x, padding):
    widths = ((0, 0, 0), (*padding[0], 0), (*padding[1], 0), (0, 0, 0))
    return lax.pad(x, jnp.zeros((), x.dtype), widths)


def _taps(x, taps, stride, rate, padding):
    x = _pad(x, padding)
    count = [
        (x.shape[a + 1] - rate[a] * (taps[a] - 1) - 1) // stride[a] + 1 for a in (0, 1)
    ]
    for u in range(taps[0]):
        for v in range(taps[1]):
            top, left = u * rate[0], v * rate[1]
            bottom = top + stride[0] * (count[0] - 1) + 1
            right = left + stride[1] * (count[1] - 1) + 1
            yield u, v, x[:, top : bottom : stride[0], left : right : stride[1]]


def _forward(stride, rate, padding, x, kernel):
    return _shifted_products(stride, rate, padding, x, kernel), (x, kernel)


# Under jit, layers of one shape are traced and lowered only once.
@partial(jax.jit, static_argnums=(0, 1, 2))
def _backward(stride, rate, padding, saved, grad):
    x, kernel = saved
    options = {"taps": kernel.shape[:2], "stride": stride, "rate": rate}
    sums = lax.platform_dependent(
        _pad(order_after(x, grad[0, 0, 0, 0]), padding),
        grad,
        cpu=partial(_sums_by_block, **options),
        default=partial(_sums_by_tap, **options),
    )
    kernel_grad = sums.reshape(kernel.shape).astype(kernel.dtype)
    return _input_gradient(
        x, kernel=kernel, stride=stride, rate=rate, padding=padding, grad=grad
    ), kernel_grad


def _sums_by_tap(x, grad, *, taps, stride, rate):
    """Computes the kernel gradient [kh * kw, C], one reduction of the map per tap."""
    still = ((0, 0), (0, 0))
    return jnp.stack(
        [
            jnp.sum(part * grad, axis=(0, 1, 2), dtype=jnp.float32)
            for _, _, part in _taps(
                x, taps=taps, stride=stride, rate=rate, padding=still
            )
        ]
    )


def _sums_by_block(x, grad, *, taps, stride, rate):
    """Computes the same as `_sums_by_tap`, one block of output rows at a time.

    A block stays in the cache for all taps. Each tap is one loop over columns and
    channels that adds all rows of the block; columns are summed at the end. Single rows
    take up to 5 times as long. The whole map at once writes out every product, which
    takes longer still. On accelerators a loop would wait for each block.

    All taps share one kernel, which reads the block at an offset that is known only
    when it runs. One kernel per tap takes 2 to 5 times as long to compile.
    """
    batch, height, width, channels = grad.shape
    across = stride[1] * (width - 1) + 1
    count = taps[0] * taps[1]

    def add(totals, first, rows):
        """Adds output rows `first` to `first + rows`."""
        reach = stride[0] * (rows - 1) + rate[0] * (taps[0] - 1) + 1
        seen = _cut(x, (0, first * stride[0], 0, 0), (batch, reach, *x.shape[2:]))
        out = _cut(grad, (0, first, 0, 0), (batch, rows, width, channels))

        def tap(turn, totals):
            top, left = lax.div(turn, taps[1]) * rate[0], lax.rem(turn, taps[1])
            total = _cut(totals, (turn, 0, 0, 0), (1, *totals.shape[1:]))[0]
            for j in range(rows):
                start = (0, top + j * stride[0], left * rate[1], 0)
                line = _cut(seen, start, (batch, 1, across, channels))
                total += line[:, 0, :: stride[1]] * out[:, j]
            start = (turn, 0, 0, 0)
            return lax.dynamic_update_slice(
                totals, total[None], start, allow_negative_indices=False
            )

        return lax.fori_loop(0, count, tap, totals)

    totals = jnp.zeros((count, batch, width, channels), jnp.float32)
    rows = min(_BLOCK, max(1, height // 2))  # XLA unrolls a loop of one iteration.
    blocks, rest = divmod(height, rows)
    totals = lax.fori_loop(0, blocks, lambda i, t: add(t, i * rows, rows), totals)
    if rest:
        totals = add(totals, blocks * rows, rest)
    return totals.sum((1, 2))


def _cut(x, start, size):
    """Slices x at indices that are certainly not negative."""
    return lax.dynamic_slice(x, start, size, allow_negative_indices=False)


def _input_gradient(x, kernel, stride, rate, padding, grad):
    """Convolves the gradient, dilated by the stride, with the flipped taps."""
    taps = kernel.shape[:2]
    edges = []
    for a in (0, 1):
        extent = rate[a] * (taps[a] - 1)
        before = extent - padding[a][0]
        spread = stride[a] * (grad.shape[a + 1] - 1) + 1
        edges.append((before, x.shape[a + 1] + extent - before - spread))
    widths = (
        (0, 0, 0),
        (*edges[0], stride[0] - 1),
        (*edges[1], stride[1] - 1),
        (0, 0, 0),
    )
    spread = lax.pad(grad, jnp.zeros((), grad.dtype), widths)
    still = ((0, 0), (0, 0))
    return _shifted_products((1, 1), rate, still, spread, kernel[::-1, ::-1])


_shifted_products.defvjp(_forward, _backward)
