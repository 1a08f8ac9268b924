"""Convolution of maps whose rows (and columns) are sharded over devices."""

from jax import lax
from jax.sharding import PartitionSpec as P

from jaxseg.ops.lowering.plain_conv import (
    NO_PADDING,
    ConvWindow,
    is_pointwise,
    kernel_extent,
    lax_conv,
    pad,
)
from jaxseg.ops.spatial.halo import windowed
from jaxseg.ops.spatial.layout import (
    copies,
    parts,
    per_device,
    shared_axes,
    split_rows,
)
from jaxseg.typing import Array


def shared_conv(x: Array, kernel: Array, window: ConvWindow) -> Array:
    """Convolves a sharded map; devices fetch border rows from neighboring devices.

    Args:
      x: [B, H, W, C], sharded by rows and columns.
      kernel: [kh, kw, C, O].
      window: Stride, atrous rate, padding and groups.

    Returns:
      [B, H', W', O], sharded by rows and columns.
    """
    if window == ConvWindow((1, 1), window.rate, NO_PADDING) and is_pointwise(kernel):
        return split_rows(lax.dot_general(x, kernel[0, 0], (((3,), (0,)), ((), ()))))

    def local(x, padding, kernel):
        return lax_conv(x, kernel, window._replace(padding=padding))

    rows, columns = (kernel_extent(kernel, window, axis) for axis in (0, 1))
    return windowed(
        local,
        x,
        kernel,
        extent=(rows, columns),
        stride=window.stride,
        padding=window.padding,
    )


def gathered_conv(x: Array, kernel: Array, window: ConvWindow) -> Array:
    """Convolves a map of which every device has a copy; each computes some of the rows.

    Args:
      x: The result of `jaxseg.ops.spatial.layout.gather_rows`, [B, N, H, W, C].
      kernel: [kh, kw, C, O].
      window: Stride, atrous rate, padding and groups.

    Returns:
      [B, H', W', O], sharded by rows and columns.
    """
    shared, counts = shared_axes(), parts()

    def local(x, kernel):
        x, starts, sizes = pad(x[:, 0], window.padding), [0], [x.shape[0]]
        for a in (0, 1):
            extent, stride = kernel_extent(kernel, window, a), window.stride[a]
            count = (x.shape[a + 1] - extent) // stride + 1
            if count % counts[a]:
                raise ValueError(
                    f"rows={count} is invalid: expected a multiple of {counts[a]}, the "
                    "number of devices over which they are sharded."
                )
            count //= counts[a]
            place = 0 if shared[a] is None else lax.axis_index(shared[a])
            starts.append(place * count * stride)
            sizes.append((count - 1) * stride + extent)
        x = lax.dynamic_slice(x, [*starts, 0], [*sizes, x.shape[-1]])
        return lax_conv(x, kernel, window._replace(padding=NO_PADDING))

    spec = copies(x)
    return per_device(local, (spec, P()), P(spec[0], *shared))(x, kernel)
