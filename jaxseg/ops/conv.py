"""Atrous and grouped convolution, in the formulation that runs fastest.

`lax.conv_general_dilated` is always there as `impl="lax"` and defines the result. With
`impl="auto"` the shape alone decides:

- taps that only ever meet padding are cut off (atrous rates wider than the map);
- a 1x1 kernel is a matrix product over the channels;
- a depthwise kernel is a sum of shifted products (XLA's CPU depthwise convolution is
  17-42 times slower than that, its weight gradient 30-50 times);
- grouped convolutions with few groups run one dense convolution per group, with many
  a batch of matrix products per tap (`jaxseg.ops.lowering.tap_conv`);
- an atrous kernel a third of whose taps fall outside multiplies only what is inside;
- padding beyond "same", or under an even kernel, is written out with `jnp.pad`, because
  XLA otherwise turns the weight gradient into a scalar loop nest;
- on a CPU the gradients of what remains are written out
  (`jaxseg.ops.lowering.conv_vjp`), for the same reason wherever they stand in a loop.

On TPU (`jaxseg.ops.lowering.platform`) "auto" is the plain primitive but for few
groups: by the compiler's own estimate shifted products cost 1.5-4 times more there.

Where devices share the rows of a map (`jaxseg.ops.spatial.layout`) each takes the
border rows that it lacks from its neighbours (`jaxseg.ops.spatial.halo`), and "auto" is
the plain primitive too, or a product for 1x1 kernels.
"""

import jax.numpy as jnp
from jax import lax
from jax.sharding import PartitionSpec as P

from jaxseg.ops.lowering.conv_vjp import canonical_conv
from jaxseg.ops.lowering.depthwise import depthwise_conv
from jaxseg.ops.lowering.platform import for_tpu, platform
from jaxseg.ops.lowering.tap_conv import grouped_conv, share_inside, sliced_conv
from jaxseg.ops.spatial.halo import windowed
from jaxseg.ops.spatial.layout import (
    copies,
    is_split,
    parts,
    per_device,
    shared_axes,
    split_rows,
)
from jaxseg.typing import Array, Padding, padding_pairs, pair

_DIMENSIONS = ("NHWC", "HWIO", "NHWC")
_MOST_INSIDE = 0.65  # above this share the products of slices lose to one convolution


def same_padding(kernel_size: int, rate: int = 1) -> int:
    """Padding per side that keeps the size at stride 1: rate * (k - 1) / 2."""
    if kernel_size % 2 == 0:
        raise ValueError(
            f"kernel_size {kernel_size} is even and has no symmetric same padding; "
            "state the padding"
        )
    return rate * (kernel_size - 1) // 2


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
    """Convolution with atrous rate, `lax.conv_general_dilated` in value and gradient.

    y[i, j] = sum_{u,v} x[i * stride + u * rate - pad, ...] @ kernel[u, v]

    Args:
      x: [B, H, W, C]; or [B, N, H, W, C], one image gathered on its N devices, see
        `jaxseg.ops.spatial.layout.gather_rows`.
      kernel: [kh, kw, C / groups, O].
      padding: zeros per side; int, (rows, columns) or ((top, bottom), (left, right)).
      groups: channel groups; `groups == C` is a depthwise convolution.
      impl: "auto", or "lax" for the plain primitive; forward-mode differentiation
        (`jax.jvp`) needs "lax".

    Returns: [B, H', W', O] with H' = (H + pads - rate * (kh - 1) - 1) // stride + 1.
    Raises: ValueError when channels do not match, or the kernel exceeds the input.
    """
    stride, rate, padding = pair(stride), pair(rate), padding_pairs(padding)
    _check(x, kernel, rate, padding, groups, impl)
    if x.ndim == 5:
        kernel, padding = _drop_idle_taps(x, kernel, stride, rate, padding)
        return _gathered_conv(x, kernel, stride, rate, padding, groups)
    if impl == "auto" or is_split():
        kernel, padding = _drop_idle_taps(x, kernel, stride, rate, padding)
    if is_split():
        return _shared_conv(x, kernel, stride, rate, padding, groups)
    if impl == "lax":
        return _lax_conv(x, kernel, stride, rate, padding, groups)
    depthwise = 1 < groups == x.shape[-1]
    few = 1 < groups <= 4 and not depthwise
    if for_tpu() and not few:
        return _lax_conv(x, kernel, stride, rate, padding, groups)
    if depthwise:
        return depthwise_conv(x, kernel, stride=stride, rate=rate, padding=padding)
    if few:
        return _split_groups(x, kernel, stride, rate, padding, groups)
    if groups > 1:
        options = {"stride": stride, "rate": rate, "padding": padding}
        return grouped_conv(x, kernel, **options, groups=groups)
    atrous = stride == (1, 1) and max(rate) > 1
    if atrous and share_inside(x, kernel, rate, padding) < _MOST_INSIDE:
        return sliced_conv(x, kernel, rate=rate, padding=padding)
    if _pads_beyond_same(kernel, rate, padding):
        x, padding = _pad(x, padding), ((0, 0), (0, 0))
    if kernel.shape[:2] == (1, 1):
        return _pointwise(x, kernel, stride)
    if platform() == "cpu":
        return canonical_conv(stride, rate, padding, x, kernel)
    return _lax_conv(x, kernel, stride, rate, padding, groups)


def _check(x, kernel, rate, padding, groups, impl):
    if impl not in ("auto", "lax"):
        raise ValueError(f'impl {impl!r} is unknown; allowed are "auto" and "lax"')
    if x.shape[-1] != kernel.shape[2] * groups or kernel.shape[3] % groups:
        raise ValueError(
            f"kernel {kernel.shape} with groups {groups} does not fit an input of "
            f"{x.shape[-1]} channels; want [kh, kw, {x.shape[-1]} / groups, out] with "
            "out a multiple of groups"
        )
    for axis in (0, 1):
        extent = rate[axis] * (kernel.shape[axis] - 1) + 1
        size = x.shape[axis - 3] + sum(padding[axis])
        if extent > size:
            raise ValueError(
                f"kernel extent {extent} (size {kernel.shape[axis]}, rate "
                f"{rate[axis]}) exceeds the padded "
                f"{'height' if axis == 0 else 'width'} {size}"
            )


def _lax_conv(x, kernel, stride, rate, padding, groups):
    return lax.conv_general_dilated(
        x,
        kernel,
        window_strides=stride,
        padding=padding,
        rhs_dilation=rate,
        dimension_numbers=_DIMENSIONS,
        feature_group_count=groups,
    )


def _drop_idle_taps(x, kernel, stride, rate, padding):
    """Cut the outer taps that meet padding at every output position.

    Tap u reads rows `u * rate - top + stride * [0, n)`. Only leading and trailing taps
    are dropped, so the rest stays a regular grid; negative padding then crops.
    """
    pads = []
    for axis in (0, 1):
        size, (before, after) = x.shape[axis - 3], padding[axis]
        taps = kernel.shape[axis]
        count = (size + before + after - rate[axis] * (taps - 1) - 1) // stride[
            axis
        ] + 1
        reach = stride[axis] * (count - 1)
        live = [u for u in range(taps) if -reach <= u * rate[axis] - before <= size - 1]
        first, last = (min(live), max(live)) if live else (0, taps - 1)
        kernel = lax.slice_in_dim(kernel, first, last + 1, axis=axis)
        pads.append(
            (before - first * rate[axis], after - (taps - 1 - last) * rate[axis])
        )
    return kernel, tuple(pads)


def _shared_conv(x, kernel, stride, rate, padding, groups):
    """Of a map whose rows devices share: border rows are exchanged."""
    plain = stride == (1, 1) and padding == ((0, 0), (0, 0)) and groups == 1
    if plain and kernel.shape[:2] == (1, 1):
        return split_rows(lax.dot_general(x, kernel[0, 0], (((3,), (0,)), ((), ()))))

    def local(x, padding, kernel):
        return _lax_conv(x, kernel, stride, rate, padding, groups)

    extent = tuple(rate[a] * (kernel.shape[a] - 1) + 1 for a in (0, 1))
    return windowed(local, x, kernel, extent=extent, stride=stride, padding=padding)


def _gathered_conv(x, kernel, stride, rate, padding, groups):
    """Each device's rows and columns of the result, from its copy of the whole map."""
    shared, counts = shared_axes(), parts()

    def local(x, kernel):
        x, starts, sizes = _pad(x[:, 0], padding), [0], [x.shape[0]]
        for a in (0, 1):
            extent = rate[a] * (kernel.shape[a] - 1)
            count = (x.shape[a + 1] - extent - 1) // stride[a] + 1
            if count % counts[a]:
                raise ValueError(f"{count} rows do not divide by {counts[a]} devices")
            count //= counts[a]
            place = 0 if shared[a] is None else lax.axis_index(shared[a])
            starts.append(place * count * stride[a])
            sizes.append((count - 1) * stride[a] + extent + 1)
        x = lax.dynamic_slice(x, [*starts, 0], [*sizes, x.shape[-1]])
        return _lax_conv(x, kernel, stride, rate, ((0, 0), (0, 0)), groups)

    lies = copies(x)
    return per_device(local, (lies, P()), P(lies[0], *shared))(x, kernel)


def _pad(x, padding):
    widths = ((0, 0, 0), (*padding[0], 0), (*padding[1], 0), (0, 0, 0))
    return lax.pad(x, jnp.zeros((), x.dtype), widths)


def _pointwise(x, kernel, stride):
    """Unpadded 1x1 convolution as a matrix product."""
    x = x[:, :: stride[0], :: stride[1]]
    y = x.reshape(-1, x.shape[-1]) @ kernel[0, 0]
    return y.reshape(*x.shape[:3], kernel.shape[-1])


def _split_groups(x, kernel, stride, rate, padding, groups):
    xs = jnp.split(x, groups, axis=-1)
    kernels = jnp.split(kernel, groups, axis=-1)
    parts = [
        conv(a, k, stride=stride, rate=rate, padding=padding)
        for a, k in zip(xs, kernels, strict=True)
    ]
    return jnp.concatenate(parts, axis=-1)


def _pads_beyond_same(kernel, rate, padding):
    """Also true for the negative padding (a crop) that dropping taps can leave."""
    same = [rate[a] * (kernel.shape[a] - 1) / 2 for a in (0, 1)]
    return any(not 0 <= p <= same[a] for a in (0, 1) for p in padding[a])
