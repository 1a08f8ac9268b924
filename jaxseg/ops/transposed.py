"""Transposed convolution in PyTorch's and Caffe's convention.

`impl="lax"` is `lax.conv_transpose`; "auto" is the phase (sub-pixel) form: one stride-1
convolution that computes all stride**2 phases as channels, then depth to space. XLA's
weight gradient of an input-dilated convolution is a scalar loop nest on CPU (8-15 times
slower), and large kernels (FCN's 32 and 64) are 8-40 times slower forward as well.
"""

import jax.numpy as jnp
from jax import lax

from jaxseg.ops.conv import conv
from jaxseg.ops.shuffle import depth_to_space
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
    """Transposed convolution: out[stride * i + u - padding] += x[i] @ kernel[u].

    Args:
      x: [B, H, W, C].
      kernel: [kh, kw, C, O], not flipped: kernel[u, v] is PyTorch's weight[:, :, u, v].
      stride: upsampling factor.
      padding: rows and columns cropped from each side of the full result.
      output_padding: rows and columns given back at the bottom and right.
      impl: "auto" (phase form) or "lax" (`lax.conv_transpose`).

    Returns: [B, H', W', O], H' = (H - 1) * stride + kh - 2 * padding + output_padding.
    Raises: ValueError for unknown `impl` or when channels do not match.
    """
    stride, padding = pair(stride), pair(padding)
    output_padding = pair(output_padding)
    if x.shape[-1] != kernel.shape[2]:
        raise ValueError(
            f"kernel {kernel.shape} does not fit an input of {x.shape[-1]} channels; "
            f"want [kh, kw, {x.shape[-1]}, out]"
        )
    if impl == "lax":
        return _lax_transpose(x, kernel, stride, padding, output_padding)
    if impl != "auto":
        raise ValueError(f'impl {impl!r} is unknown; allowed are "auto" and "lax"')
    full = depth_to_space(_phases(x, kernel, stride), stride)
    return _crop(full, x, kernel, stride, padding, output_padding)


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
    """[B, H + m - 1, W + n - 1, sh * sw * O]: all phases of the full result.

    With m = ceil(k / s), phase r of row q is sum_j x[q - j] @ kernel[s * j + r].
    """
    (kh, kw, c, o), (sh, sw) = kernel.shape, stride
    m, n = -(-kh // sh), -(-kw // sw)
    kernel = jnp.pad(kernel, ((0, m * sh - kh), (0, n * sw - kw), (0, 0), (0, 0)))
    kernel = kernel.reshape(m, sh, n, sw, c, o)[::-1, :, ::-1]
    kernel = kernel.transpose(0, 2, 4, 1, 3, 5).reshape(m, n, c, sh * sw * o)
    return conv(x, kernel, padding=(m - 1, n - 1))


def _crop(full, x, kernel, stride, padding, output_padding):
    widths = []
    for a in (0, 1):
        size = (x.shape[a + 1] - 1) * stride[a] + kernel.shape[a]
        size += output_padding[a] - 2 * padding[a]
        if size < 1:
            raise ValueError(f"padding {padding} leaves nothing of the result")
        widths.append((-padding[a], size + padding[a] - full.shape[a + 1], 0))
    return lax.pad(full, jnp.zeros((), full.dtype), ((0, 0, 0), *widths, (0, 0, 0)))
