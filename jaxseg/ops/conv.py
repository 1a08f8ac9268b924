"""Atrous and grouped convolution, computed by the fastest formulation for each case.

All formulations give the value and the gradient of `lax.conv_general_dilated`.
`impl="lax"` calls that function directly. `impl="auto"` uses the first row of
`_FORMULATIONS` that applies to the shape, the atrous rate and the platform. Before
that, two simplifications are applied:

- Kernel weights that are multiplied only by padding are removed. Kernels whose atrous
  rate exceeds the size of the map have such weights.
- Where devices share the rows of a map (`jaxseg.ops.spatial.layout`), each device
  fetches the border rows that it lacks from its neighbors (`jaxseg.ops.spatial.halo`)
  and runs `lax.conv_general_dilated`, or a matrix product for 1x1 kernels.

The rows of `_FORMULATIONS`, with times that were measured on two CPU cores, are:

- TPU: `lax.conv_general_dilated`, except for 2 to 4 groups. According to the cost
  estimate of the TPU compiler, sums of shifted products are 1.5 to 4 times as slow.
- depthwise: a sum of shifted products. XLA's depthwise convolution takes 17 to 42 times
  as long on a CPU, and its weight gradient takes 30 to 50 times as long.
- few groups (2 to 4): one dense convolution for each group.
- many groups: for each kernel position, a batch of matrix products
  (`jaxseg.ops.lowering.tap_conv`).
- sparse: if more than a third of the positions of an atrous kernel fall outside the
  map, only the pixels inside the map are multiplied.
- wide padding: padding beyond "same", or any padding of an even kernel size, is
  written out with `lax.pad`, because XLA otherwise turns the weight gradient into a
  scalar loop nest. One of the rows below then convolves the padded map.
- pointwise: a convolution with a 1x1 kernel is a matrix product over the channels.
- CPU: gradients are written out as convolutions (`jaxseg.ops.lowering.conv_vjp`),
  because XLA otherwise turns them into scalar loop nests inside `lax.scan`.
- otherwise: `lax.conv_general_dilated`.
"""

import jax.numpy as jnp

from jaxseg.ops.lowering.conv_vjp import canonical_conv
from jaxseg.ops.lowering.depthwise import depthwise_conv
from jaxseg.ops.lowering.plain_conv import (
    NO_PADDING,
    ConvWindow,
    drop_idle_taps,
    is_pointwise,
    kernel_extent,
    lax_conv,
    pad,
)
from jaxseg.ops.lowering.platform import for_tpu, platform
from jaxseg.ops.lowering.portable import is_portable
from jaxseg.ops.lowering.tap_conv import grouped_conv, share_inside, sliced_conv
from jaxseg.ops.open_size import certainly_below, is_open
from jaxseg.ops.spatial.conv import shared_conv
from jaxseg.ops.spatial.layout import is_split
from jaxseg.typing import Array, Padding, padding_pairs, pair

# The share of taps inside the map above which one convolution is faster than a product
# for each tap: the products skip the padding, but each is a separate pass over the map.
_MOST_INSIDE = 0.65
# Up to this number, each group adds one convolution to the program. More groups share
# one batched product for each kernel position.
_FEW_GROUPS = 4


def same_padding(kernel_size: int, rate: int = 1) -> int:
    """Returns how many pixels to pad at each side so that a convolution keeps the size.

    For a convolution of stride 1, the number is rate * (kernel_size - 1) / 2.

    Raises:
      ValueError: If the kernel size is even, because it has no such padding.
    """
    if kernel_size % 2 == 0:
        raise ValueError(
            f"kernel_size={kernel_size} is invalid: expected an odd number, because an "
            "even kernel has no symmetric padding. Pass the padding explicitly."
        )
    return rate * (kernel_size - 1) // 2


def tensorflow_padding(size: int, kernel_size: int, stride: int) -> tuple[int, int]:
    """Returns how much TensorFlow's padding "SAME" adds on an axis: (before, after).

    The output has ceil(size / stride) cells. An odd pixel of padding goes to the end.

    >>> tensorflow_padding(64, 3, 2), tensorflow_padding(65, 3, 2)
    ((0, 1), (1, 1))
    """
    cells = -(-size // stride)
    total = max(0, (cells - 1) * stride + kernel_size - size)
    return total // 2, total - total // 2


def conv(
    x: Array,
    kernel: Array,
    *,
    stride: int | tuple[int, int] = 1,
    rate: int | tuple[int, int] = 1,
    padding: Padding = 0,
    groups: int = 1,
    impl: str = "auto",
) -> Array:
    """Convolves a map with a kernel whose weights are applied `rate` pixels apart.

    y[i, j] = sum_{u,v} x[i * stride + u * rate - pad, ...] @ kernel[u, v]

    Args:
      x: [B, H, W, C].
      kernel: [kh, kw, C / groups, O].
      stride: The step between outputs, in pixels.
      rate: The atrous rate (dilation).
      padding: Zeros on each side: an int, (rows, columns) or
        ((top, bottom), (left, right)).
      groups: Number of channel groups; `groups == C` is a depthwise convolution.
      impl: "auto" for the fastest formulation, or "lax" for
        `lax.conv_general_dilated`. Forward-mode differentiation (`jax.jvp`) needs
        "lax".

    Returns:
      [B, H', W', O] with H' = (H + pads - rate * (kh - 1) - 1) // stride + 1.

    Raises:
      ValueError: If the channels do not match or the kernel exceeds the input.
    """
    window = ConvWindow(
        pair(stride), rate=pair(rate), padding=padding_pairs(padding), groups=groups
    )
    _check(x, kernel=kernel, window=window, impl=impl)
    if is_portable():
        return _portable_conv(x, kernel, window)
    if impl == "auto" or is_split():
        kernel, window = drop_idle_taps(x, kernel, window)
    if is_split():
        return shared_conv(x, kernel, window)
    if impl == "lax":
        return lax_conv(x, kernel, window)
    return _fastest(x, kernel, window)


def _portable_conv(x, kernel, window):
    """Convolves with `lax`, or adds products where the map is one pixel.

    TensorFlow 2.21 crashes while it converts a convolution to TensorFlow Lite whose
    result, [1, 1, 1, O], is multiplied by a constant of the same shape, such as the
    scale of a normalization after global pooling. It does not convert a product of
    matrices that is then reshaped to a map either.
    """
    pixel = x.shape[1:-1] == kernel.shape[:2] == (1, 1)
    if not pixel or window.groups > 1 or any(map(any, window.padding)):
        return lax_conv(x, kernel, window)
    return (x.reshape(-1, 1, 1, 1, x.shape[-1]) * kernel[None].swapaxes(-1, -2)).sum(-1)


def _fastest(x, kernel, window):
    for applies, formulation in _FORMULATIONS:
        if applies(x, kernel, window):
            return formulation(x, kernel, window)
    return lax_conv(x, kernel, window)


def _check(x, kernel, window, impl):
    if impl not in ("auto", "lax"):
        raise ValueError(f"impl={impl!r} is invalid: expected 'auto' or 'lax'.")
    channels, groups = x.shape[-1], window.groups
    if channels != kernel.shape[2] * groups or kernel.shape[3] % groups:
        raise ValueError(
            f"kernel={list(kernel.shape)} is invalid: expected [kh, kw, {channels} / "
            f"{groups}, out] for an input of {channels} channels in {groups} groups, "
            "with out a multiple of the groups."
        )
    for axis, side in enumerate(("height", "width")):
        extent = kernel_extent(kernel, window, axis)
        size = x.shape[axis - 3] + sum(window.padding[axis])
        if certainly_below(size, extent):
            raise ValueError(
                f"kernel size {kernel.shape[axis]} at rate {window.rate[axis]} is "
                f"invalid: its extent of {extent} pixels exceeds the padded {side} of "
                f"{size} pixels."
            )


def _depthwise(x, kernel, window):
    stride, rate, padding, _ = window
    return depthwise_conv(x, kernel, stride=stride, rate=rate, padding=padding)


def _split_groups(x, kernel, window):
    """Runs one dense convolution for each group."""
    xs = jnp.split(x, window.groups, axis=-1)
    kernels = jnp.split(kernel, window.groups, axis=-1)
    dense = window._replace(groups=1)
    parts = []
    for part, own in zip(xs, kernels, strict=True):
        own, own_window = drop_idle_taps(part, own, dense)
        parts.append(_fastest(part, own, own_window))
    return jnp.concatenate(parts, axis=-1)


def _many_groups(x, kernel, window):
    stride, rate, padding, groups = window
    return grouped_conv(
        x, kernel, stride=stride, rate=rate, padding=padding, groups=groups
    )


def _sparse(x, kernel, window):
    return sliced_conv(x, kernel, rate=window.rate, padding=window.padding)


def _padded(x, kernel, window):
    """Writes the padding out and goes on with the padded map."""
    x = pad(x, window.padding)
    return _fastest(x, kernel, window._replace(padding=NO_PADDING))


def _pointwise(x, kernel, window):
    """Multiplies the channels of each pixel by an unpadded 1x1 kernel."""
    x = x[:, :: window.stride[0], :: window.stride[1]]
    if is_open(*x.shape[1:3]):  # The product of such sizes need not be one.
        return jnp.tensordot(x, kernel[0, 0], axes=1)
    y = x.reshape(-1, x.shape[-1]) @ kernel[0, 0]
    return y.reshape(*x.shape[:3], kernel.shape[-1])


def _with_written_gradients(x, kernel, window):
    return canonical_conv(window.stride, window.rate, window.padding, x, kernel)


def _has_few_groups(x, window):
    return 1 < window.groups <= _FEW_GROUPS and window.groups != x.shape[-1]


def _is_sparse(x, kernel, window):
    if window.stride != (1, 1) or max(window.rate) == 1 or is_open(*x.shape[1:3]):
        return False
    return (
        share_inside(x, kernel=kernel, rate=window.rate, padding=window.padding)
        < _MOST_INSIDE
    )


def _pads_beyond_same(kernel, window):
    """Returns True also for negative padding, which dropping taps can leave."""
    return any(
        not 0 <= pad <= (kernel_extent(kernel, window, axis) - 1) / 2
        for axis in (0, 1)
        for pad in window.padding[axis]
    )


_FORMULATIONS = (  # (applies to x, kernel and window; formulation), the first one runs
    (lambda x, k, w: for_tpu() and not _has_few_groups(x, w), lax_conv),
    (lambda x, k, w: 1 < w.groups == x.shape[-1], _depthwise),
    (lambda x, k, w: _has_few_groups(x, w), _split_groups),
    (lambda x, k, w: w.groups > 1, _many_groups),
    (_is_sparse, _sparse),
    (lambda x, k, w: _pads_beyond_same(k, w), _padded),
    (lambda x, k, w: is_pointwise(k), _pointwise),
    (lambda x, k, w: platform() == "cpu", _with_written_gradients),
)
