"""Max and average pooling with explicit padding and PyTorch's or Caffe's output size.

The gradient of max pooling goes to the first maximum of each window, as in Caffe and
PyTorch (`jaxseg.ops.lowering.pool_argmax`).
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxseg.ops.bins import bin_rows, mean_weights
from jaxseg.ops.lowering.platform import for_tpu
from jaxseg.ops.lowering.pool_argmax import maximum, reduce_max, to_winners, winners
from jaxseg.ops.lowering.portable import is_portable
from jaxseg.ops.open_pool import bin_limits, max_between, mean_between, window_limits
from jaxseg.ops.open_size import certainly_below, is_open, smaller
from jaxseg.ops.spatial.bins import binned
from jaxseg.ops.spatial.halo import Slide, windowed
from jaxseg.ops.spatial.layout import is_split, split_rows
from jaxseg.typing import Array, Padding, padding_pairs, pair


def max_pool(
    x: Array,
    *,
    window: int | tuple[int, int],
    stride: int | tuple[int, int] | None = None,
    padding: Padding = 0,
    ceil: bool = False,
    impl: str = "auto",
) -> Array:
    """Computes the maximum of each window; padding is never the maximum.

    Args:
      x: [B, H, W, C].
      window: Height and width of the window, in pixels.
      stride: The step between windows; None means the size of the window.
      padding: Pixels on each side: an int, (rows, columns) or
        ((top, bottom), (left, right)).
      ceil: Whether a last, partial window also gives an output, as in Caffe.
      impl: "auto", or "lax" for `lax.reduce_window` with XLA's own gradient. "auto"
        also uses `lax.reduce_window` on TPU and for maps whose rows are sharded over
        devices.

    Returns:
      [B, h, w, C].
    """
    window, stride = pair(window), pair(window if stride is None else stride)
    widths = _pool_widths(
        x.shape[1:3],
        window=window,
        stride=stride,
        padding=padding_pairs(padding),
        ceil=ceil,
    )
    if impl not in ("auto", "lax"):
        raise ValueError(f"impl={impl!r} is invalid: expected 'auto' or 'lax'.")
    if is_split():
        return _shared_max(x, window=window, stride=stride, widths=widths)
    if is_portable():
        return _reduced(x, lax.max, window=window, stride=stride, widths=widths)
    x = _pad_low(x, widths)
    if impl == "lax" or for_tpu():
        return reduce_max(x, window, stride)
    return _max_pool(window, stride, x.shape, x)


def max_pool_argmax(x: Array, *, ceil: bool = True) -> tuple[Array, Array]:
    """Computes the maximum of each 2x2 window at stride 2, and its position.

    Args:
      x: [B, H, W, C].
      ceil: Whether a last, partial window also gives an output, as in Caffe and SegNet.

    Returns:
      The maxima [B, h, w, C], and their positions, int8 [B, h, w, C]: 2 * row + column
      of the first maximum within its window. `jaxseg.ops.unpool.max_unpool` takes both
      as arguments.

    References:
      SegNet, arXiv 1511.00561, section 3.
    """
    window = (2, 2)
    widths = _pool_widths(
        x.shape[1:3], window=window, stride=window, padding=((0, 0), (0, 0)), ceil=ceil
    )
    x = _pad_low(x, widths)
    if is_portable():
        best = maximum(x, window, window)
        return best, winners(x, best=best, window=window, stride=window)
    return _max_pool_argmax(window, window, x.shape, x)


def avg_pool(
    x: Array,
    *,
    window: int | tuple[int, int],
    stride: int | tuple[int, int] | None = None,
    padding: Padding = 0,
    ceil: bool = False,
    count_include_pad: bool = True,
) -> Array:
    """Computes the mean of each window.

    Args:
      x: [B, H, W, C].
      window: Height and width of the window, in pixels.
      stride: The step between windows; None means the size of the window.
      padding: Pixels of zeros on each side.
      ceil: Whether a last, partial window also gives an output (Caffe's rule).
      count_include_pad: Whether the mean counts the zeros of the padding. With `ceil`,
        a last window can extend beyond the padding; the mean never counts this part.

    Returns:
      [B, h, w, C].
    """
    window, stride = pair(window), pair(window if stride is None else stride)
    padding = padding_pairs(padding)
    size = x.shape[1:3]
    widths = _pool_widths(
        size, window=window, stride=stride, padding=padding, ceil=ceil
    )
    if is_open(*window):
        for a, axis in enumerate((1, 2)):
            limits = window_limits(x.shape[axis], window=window[a], stride=stride[a])
            x = mean_between(x, axis, *limits)
        return x
    total = _sums(x, window=window, stride=stride, widths=widths)
    counts = [
        _window_counts(
            size[a],
            window=window[a],
            stride=stride[a],
            padding=padding[a],
            widths=widths[a],
            include_pad=count_include_pad,
        )
        for a in (0, 1)
    ]
    area = (counts[0][:, None] * counts[1][None])[None, :, :, None]
    return split_rows(total * (1 / area).astype(x.dtype))


def _sums(x, window, stride, widths):
    """Returns the sum of each window, zeros of the padding included."""
    zero = np.zeros((), x.dtype)
    if is_portable():
        return _reduced(x, lax.add, window=window, stride=stride, widths=widths)

    def local(x, widths):
        x = lax.pad(x, zero, ((0, 0, 0), *((*w, 0) for w in widths), (0, 0, 0)))
        dims, strides = (1, *window, 1), (1, *stride, 1)
        return lax.reduce_window(x, zero, lax.add, dims, strides, "VALID")

    if not is_split():
        return local(x, widths)
    return windowed(local, x, slide=Slide(window, stride), padding=widths)


def _reduced(x, combine, window, stride, widths):
    """Reduces each window with the padding inside `lax.reduce_window`."""
    start = np.array(-np.inf if combine is lax.max else 0, x.dtype)
    crops = [(0, 0, 0), *((min(a, 0), min(b, 0), 0) for a, b in widths), (0, 0, 0)]
    if any(low or high for low, high, _ in crops):
        x = lax.pad(x, start, crops)
    pads = [(0, 0), *((max(a, 0), max(b, 0)) for a, b in widths), (0, 0)]
    return lax.reduce_window(x, start, combine, (1, *window, 1), (1, *stride, 1), pads)


def _shared_max(x, window, stride, widths):
    def local(x, widths):
        return reduce_max(_pad_low(x, widths), window, stride)

    slide = Slide(window, stride)
    return windowed(local, x, slide=slide, padding=widths, fill=-np.inf)


def _window_counts(size, window, stride, padding, widths, include_pad):
    """Returns how many positions of each window count along one axis."""
    low, high = (-padding[0], size + padding[1]) if include_pad else (0, size)
    array = jnp if is_open(size) else np
    count = (widths[0] + size + widths[1] - window) // stride + 1
    starts = stride * array.arange(count) - widths[0]
    return array.minimum(starts + window, high) - array.maximum(starts, low)


def adaptive_avg_pool(x: Array, bins: int | tuple[int, int]) -> Array:
    """Computes the mean over a fixed grid of bins, as PyTorch does.

    Bin i covers the rows from floor(i * H / b) up to ceil((i + 1) * H / b).

    Args:
      x: [B, H, W, C].
      bins: Number of bins along rows and columns.

    Returns:
      [B, b, b, C].
    """
    if is_split():
        rows, columns = map(mean_weights, x.shape[1:3], pair(bins))
        return binned(x, (rows, columns))
    for axis, count in zip((1, 2), pair(bins), strict=True):
        if is_open(x.shape[axis]):
            x = mean_between(x, axis, *bin_limits(x.shape[axis], count))
            continue
        weights = mean_weights(x.shape[axis], count)
        x = jnp.moveaxis(
            jnp.tensordot(weights.astype(x.dtype), x, axes=(1, axis)), 0, axis
        )
    return x


def adaptive_max_pool(x: Array, bins: int | tuple[int, int]) -> Array:
    """Computes the maximum over b x b parts of a map: [B, H, W, C] to [B, b, b, C].

    `bins` is b, or one number for rows and one for columns, see `adaptive_avg_pool`.

    References:
      Spatial pyramid pooling, arXiv 1406.4729.
    """
    for axis, count in zip((1, 2), pair(bins), strict=True):
        if is_open(x.shape[axis]):
            x = max_between(x, axis, *bin_limits(x.shape[axis], count))
            continue
        parts = [
            lax.slice_in_dim(x, start, stop, axis=axis).max(axis, keepdims=True)
            for start, stop in bin_rows(x.shape[axis], count)
        ]
        x = jnp.concatenate(parts, axis)
    return x


def _pool_widths(size, window, stride, padding, ceil):
    """Returns the padding of each side; negative where no window reads the rows."""
    widths = []
    for a in (0, 1):
        before, after = padding[a]
        span = size[a] + before + after - window[a]
        if certainly_below(span, 0):
            raise ValueError(
                f"window={window} is invalid: expected at most the padded size of the "
                f"input, which has {size} pixels (height, width)."
            )
        count = (-(-span // stride[a]) if ceil else span // stride[a]) + 1
        if ceil:  # A window must start inside the map or its leading padding.
            count = smaller(count, -(-(size[a] + before) // stride[a]))
        end = (count - 1) * stride[a] + window[a] - before
        widths.append((before, end - size[a]))
    return tuple(widths)


def _pad_low(x, widths):
    low = np.array(-np.inf, x.dtype)
    return lax.pad(x, low, ((0, 0, 0), *((*w, 0) for w in widths), (0, 0, 0)))


@partial(jax.custom_vjp, nondiff_argnums=(0, 1, 2))
def _max_pool(window, stride, shape, x):
    return maximum(x, window, stride)


def _max_pool_forward(window, stride, shape, x):
    best = maximum(x, window, stride)
    return best, winners(x, best=best, window=window, stride=stride)


def _max_pool_backward(window, stride, shape, position, grad):
    return (
        to_winners(grad, position=position, shape=shape, window=window, stride=stride),
    )


_max_pool.defvjp(_max_pool_forward, _max_pool_backward)


@partial(jax.custom_vjp, nondiff_argnums=(0, 1, 2))
def _max_pool_argmax(window, stride, shape, x):
    return _max_pool_forward(window, stride=stride, shape=shape, x=x)


def _argmax_forward(window, stride, shape, x):
    best, position = _max_pool_forward(window, stride=stride, shape=shape, x=x)
    return (best, position), position


def _argmax_backward(window, stride, shape, position, grads):
    return _max_pool_backward(
        window, stride=stride, shape=shape, position=position, grad=grads[0]
    )


_max_pool_argmax.defvjp(_argmax_forward, _argmax_backward)
