"""Transposed convolution in PyTorch's and Caffe's convention.

`impl="lax"` runs `lax.conv_transpose`, which defines the result. `impl="auto"` runs one
convolution at stride 1. Its channels contain the stride x stride output pixels of each
input pixel (the phases), and a depth-to-space step arranges them. On a CPU, XLA's
weight gradient of an input-dilated convolution is a scalar loop nest that takes 8 to 15
times as long, and large kernels (FCN's 32 and 64) take 8 to 40 times as long in the
forward pass as well.

Where devices share the rows of a map (`jaxseg.ops.spatial.layout`), "auto" computes the
phases of the cropped result instead of cropping the full one. This adds at most one row
to the kernel, and every row is computed on the device that stores it.
"""

import jax.numpy as jnp
from jax import lax

from jaxseg.ops.conv import conv
from jaxseg.ops.lowering.platform import for_tpu
from jaxseg.ops.open_size import any_below
from jaxseg.ops.shuffle import depth_to_space
from jaxseg.ops.spatial.layout import is_split, parts, split_rows
from jaxseg.typing import Array, pair


def conv_transpose(
    x: Array,
    kernel: Array,
    *,
    stride: int | tuple[int, int],
    padding: int | tuple[int, int] = 0,
    output_padding: int | tuple[int, int] = 0,
    impl: str = "auto",
) -> Array:
    """Upsamples a map by transposed convolution.

    Along each axis, it computes out[stride * i + u - padding] += x[i] @ kernel[u].

    Args:
      x: [B, H, W, C].
      kernel: [kh, kw, C, O], not flipped: kernel[u, v] is PyTorch's weight[:, :, u, v].
      stride: The factor of the upsampling.
      padding: Rows and columns that are cropped from each side of the full result.
      output_padding: Rows and columns that are added at the bottom and right.
      impl: "auto" (a convolution and depth to space) or "lax" (`lax.conv_transpose`).
        On TPU, "auto" runs `lax.conv_transpose` too, which is 2 to 5 times as fast
        there, according to the compiler's cost estimate.

    Returns:
      [B, H', W', O] with H' = (H - 1) * stride + kh - 2 * padding + output_padding.

    Raises:
      ValueError: If `impl` is unknown or the channels do not match.
    """
    stride, padding = pair(stride), pair(padding)
    output_padding = pair(output_padding)
    if x.shape[-1] != kernel.shape[2]:
        raise ValueError(
            f"kernel={list(kernel.shape)} is invalid: expected [kh, kw, "
            f"{x.shape[-1]}, out] for an input of {x.shape[-1]} channels."
        )
    if impl not in ("auto", "lax"):
        raise ValueError(f"impl={impl!r} is invalid: expected 'auto' or 'lax'.")
    if impl == "lax" or (for_tpu() and not is_split()):
        return split_rows(
            _lax_transpose(
                x,
                kernel=kernel,
                stride=stride,
                padding=padding,
                output_padding=output_padding,
            )
        )
    size = _size(
        x, kernel=kernel, stride=stride, padding=padding, output_padding=output_padding
    )
    if is_split():
        phases = split_rows(
            _phases_within(x, kernel=kernel, stride=stride, padding=padding, size=size)
        )
        full = split_rows(depth_to_space(phases, stride))
        return split_rows(full[:, : size[0], : size[1]])
    full = depth_to_space(_phases(x, kernel, stride), stride)
    return _crop(full, size, padding)


def _lax_transpose(x, kernel, stride, padding, output_padding):
    pads = [
        (k - 1 - p, k - 1 - p + extra)
        for k, p, extra in zip(kernel.shape[:2], padding, output_padding, strict=True)
    ]
    return lax.conv_transpose(
        x,
        kernel[::-1, ::-1],
        stride,
        pads,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )


def _phases(x, kernel, stride):
    """Returns all phases of the full result, [B, H + m - 1, W + n - 1, sh * sw * O].

    With m = ceil(k / s), phase r of row q is sum_j x[q - j] @ kernel[s * j + r].
    """
    kernel = _phase_kernel(kernel, stride, (0, 0))
    m, n = kernel.shape[:2]
    return conv(x, kernel, padding=(m - 1, n - 1))


def _phases_within(x, kernel, stride, padding, size):
    """Returns the phases of the cropped result, [B, ceil(H'/s), ceil(W'/t), s * t * O].

    With a = ceil(p / s), and zeros before the kernel so that it starts at s * a - p,
    phase r of row q is sum_j x[q + a - j] @ kernel[s * j + r]. Where the number of rows
    does not divide evenly among the devices there are more of them, so that phases
    become rows on the device that has them.
    """
    ahead = [-(-p // s) for p, s in zip(padding, stride, strict=True)]
    front = [a * s - p for a, s, p in zip(ahead, stride, padding, strict=True)]
    kernel = _phase_kernel(kernel, stride, front)
    pads = []
    for a, share in enumerate(parts()):
        rows = -(-size[a] // (stride[a] * share)) * share
        pads.append((kernel.shape[a] - 1 - ahead[a], rows + ahead[a] - x.shape[a + 1]))
    return conv(x, kernel, padding=tuple(pads))


def _phase_kernel(kernel, stride, front):
    """Returns [m, n, C, sh * sw * O]: flipped taps after `front` zeros on each axis."""
    (kh, kw, c, o), (sh, sw) = kernel.shape, stride
    m, n = -(-(kh + front[0]) // sh), -(-(kw + front[1]) // sw)
    rows = (front[0], m * sh - kh - front[0])
    columns = (front[1], n * sw - kw - front[1])
    kernel = jnp.pad(kernel, (rows, columns, (0, 0), (0, 0)))
    kernel = kernel.reshape(m, sh, n, sw, c, o)[::-1, :, ::-1]
    return kernel.transpose(0, 2, 4, 1, 3, 5).reshape(m, n, c, sh * sw * o)


def _size(x, kernel, stride, padding, output_padding):
    size = tuple(
        (x.shape[a + 1] - 1) * stride[a]
        + kernel.shape[a]
        + output_padding[a]
        - 2 * padding[a]
        for a in (0, 1)
    )
    if any_below(size, 1):
        raise ValueError(
            f"padding={padding} is invalid: expected a smaller number, because this "
            "padding crops the whole result."
        )
    return size


def _crop(full, size, padding):
    widths = [
        (-padding[a], size[a] + padding[a] - full.shape[a + 1], 0) for a in (0, 1)
    ]
    return lax.pad(full, jnp.zeros((), full.dtype), ((0, 0, 0), *widths, (0, 0, 0)))
