"""Applies a 3x3 convolution to an upsampled map and a skip map, without upsampling.

A step of U-Net's expanding path is `conv(concatenate([nearest(low, 2), skip]))`.
Nearest upsampling repeats each value in 2x2 pixels, so a 3x3 window covers only 2x2
different values. The convolution of the upsampled map therefore equals a transposed
convolution of `low` with a 4x4 kernel at stride 2. It needs four ninths of the
multiplications, and neither the upsampled nor the concatenated map is stored.
"""

import jax.numpy as jnp

from jaxseg.ops.conv import conv
from jaxseg.ops.lowering.platform import platform
from jaxseg.ops.open_size import certainly_below
from jaxseg.ops.spatial.layout import is_split
from jaxseg.ops.transposed import conv_transpose
from jaxseg.ops.unpool import check_halved, nearest
from jaxseg.typing import Array, Size

# On smaller maps, the 16 taps of the kernel cost more than they save.
_LEAST_PIXELS = 256


def doubled_conv(
    low: Array, skip: Array | None, kernel: Array, *, size: Size, impl: str = "auto"
) -> Array:
    """Upsamples `low` by two, concatenates `skip` and applies a 3x3 convolution.

    The upsampling is nearest-neighbor and is cropped to `size`. The padding is 1.

    Args:
      low: [B, h, w, C].
      skip: [B, H, W, D], or None.
      kernel: [3, 3, C + D, O].
      size: (H, W), where H is 2h or 2h - 1, and W likewise.
      impl: "lax" upsamples, concatenates and convolves. "auto" runs the
        equivalent transposed convolution on a CPU, for even sizes and for maps of at
        least 256 pixels.

    Returns:
      [B, H, W, O].

    Raises:
      ValueError: If sizes or channels do not match.
    """
    _check(low, skip=skip, kernel=kernel, size=size)
    b, h, w, channels = low.shape
    small = certainly_below(b * h * w, _LEAST_PIXELS)
    large = not small and tuple(size) == (2 * h, 2 * w)
    if impl == "lax" or platform() != "cpu" or is_split() or not large:
        x = nearest(low, 2)[:, : size[0], : size[1]]
        x = x if skip is None else jnp.concatenate([x, skip], axis=-1)
        return conv(x, kernel, padding=1, impl=impl)
    of_low, of_skip = jnp.split(kernel, [channels], axis=2)
    y = conv_transpose(low, _with_doubling(of_low), stride=2, padding=1)
    return y if skip is None else y + conv(skip, of_skip, padding=1)


def _with_doubling(kernel):
    """Turns [3, 3, C, O] into the taps [4, 4, C, O] of a transposed convolution."""
    kernel = kernel[::-1, ::-1]
    pads = [((a, 1 - a), (b, 1 - b), (0, 0), (0, 0)) for a in (0, 1) for b in (0, 1)]
    return sum(jnp.pad(kernel, pad) for pad in pads)


def _check(low, skip, kernel, size):
    check_halved(low, size)
    if skip is not None and skip.shape[1:3] != tuple(size):
        raise ValueError(
            f"skip.shape={skip.shape} is invalid: expected a height and width of "
            f"{tuple(size)}."
        )
    channels = low.shape[-1] + (0 if skip is None else skip.shape[-1])
    if kernel.shape[:3] != (3, 3, channels):
        raise ValueError(
            f"kernel.shape={kernel.shape} is invalid: expected "
            f"[3, 3, {channels}, out], because low and skip together have {channels} "
            "channels."
        )
