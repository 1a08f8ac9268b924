"""Upsampling with and without parameters.

Fixed bilinear deconvolution (FCN, arXiv 1411.4038), resize-convolution (Odena et al.
2016) and sub-pixel convolution (arXiv 1609.05158). `Upsample` and `MaxUnpool` are the
operators of `jaxseg.ops.unpool` and `jaxseg.ops.resize` as modules; learned transposed
convolution is `jaxseg.nn.layers.ConvTranspose`.
"""

import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jax import lax

from jaxseg.nn.block_config import Style
from jaxseg.nn.layers import Conv, ConvTranspose
from jaxseg.ops.kernels import bilinear_profile
from jaxseg.ops.resize import resize
from jaxseg.ops.shuffle import depth_to_space
from jaxseg.ops.unpool import bed_of_nails, max_unpool, nearest
from jaxseg.typing import Array, Size

METHODS = ("nearest", "bilinear")
KINDS = ("nearest", "bed_of_nails", "bilinear", "bilinear_aligned")


def deconv_matrix(
    source: int, target: int, *, stride: int, kernel: int, crop: int
) -> np.ndarray:
    """Matrix `[target, source]` of a bilinear deconvolution along one axis.

    Row u of the cropped result is `sum_i profile[u + crop - stride * i] * x[i]`.
    """
    tap = np.arange(target)[:, None] + crop - stride * np.arange(source)[None, :]
    inside = (tap >= 0) & (tap < kernel)
    profile = bilinear_profile(kernel)
    return np.where(inside, profile[np.clip(tap, 0, kernel - 1)], 0).astype(np.float32)


def bilinear_deconv(
    x: Array, *, stride: int, kernel: int, crop: int, size: Size
) -> Array:
    """Transposed convolution with the fixed bilinear kernel, cropped to `size`.

    Every channel by itself; two matrix products, since the kernel is separable and the
    uncropped border need not be computed.

    Args:
      x: `[B, h, w, C]`.
      stride, kernel: of the deconvolution, full side `(h - 1) * stride + kernel`.
      crop: rows and columns cut at the top and left.
      size: height and width of the result.

    Raises:
      ValueError: if the cut reaches beyond the full result.
    """
    for axis, (source, target) in enumerate(zip(x.shape[1:3], size, strict=True)):
        full = (source - 1) * stride + kernel
        if crop + target > full:
            raise ValueError(
                f"size[{axis}]={target} with crop={crop} exceeds the deconvolution's "
                f"{full}; at most {full - crop}"
            )
    rows, columns = (
        jnp.asarray(
            deconv_matrix(source, target, stride=stride, kernel=kernel, crop=crop),
            x.dtype,
        )
        for source, target in zip(x.shape[1:3], size, strict=True)
    )
    best = lax.Precision.HIGHEST
    x = jnp.einsum("hi,biwc->bhwc", rows, x, precision=best)
    return jnp.einsum("wj,bhjc->bhwc", columns, x, precision=best)


class BilinearDeconv(nn.Module):
    """Bilinear upsampling by deconvolution: fixed, or learned from that start.

    The fixed form has no parameters. The learned form has a dense C x C kernel that
    starts bilinear on the diagonal.
    """

    stride: int
    kernel: int
    crop: int
    learned: bool = False
    style: Style = Style()

    @nn.compact
    def __call__(self, x: Array, size: Size) -> Array:
        """Map `[B, h, w, C]` to `[B, *size, C]`."""
        if not self.learned:
            return bilinear_deconv(
                x, stride=self.stride, kernel=self.kernel, crop=self.crop, size=size
            )
        x = ConvTranspose(
            x.shape[-1],
            self.kernel,
            self.stride,
            bias=False,
            kernel_init="bilinear",
            style=self.style,
            name="deconv",
        )(x)
        (height, width), crop = size, self.crop
        if crop + height > x.shape[1] or crop + width > x.shape[2]:
            raise ValueError(
                f"size={size} with crop={crop} exceeds the deconvolution's "
                f"{x.shape[1:3]}"
            )
        return x[:, crop : crop + height, crop : crop + width]


class Upsample(nn.Module):
    """Upsampling by a whole factor without parameters.

    `kind` is "nearest", "bed_of_nails", "bilinear" (half-pixel centers) or
    "bilinear_aligned" (corner pixels keep their place).
    """

    kind: str = "bilinear"
    factor: int = 2

    def __call__(self, x: Array) -> Array:
        """Map `[B, h, w, C]` to `[B, factor h, factor w, C]`."""
        if self.kind not in KINDS:
            raise ValueError(f"kind={self.kind!r} is not one of {KINDS}")
        if self.kind == "nearest":
            return nearest(x, self.factor)
        if self.kind == "bed_of_nails":
            return bed_of_nails(x, self.factor)
        size = (x.shape[1] * self.factor, x.shape[2] * self.factor)
        return resize(x, size, align_corners=self.kind == "bilinear_aligned")


class MaxUnpool(nn.Module):
    """Values back to where `jaxseg.ops.pool.max_pool_argmax` found them."""

    def __call__(self, x: Array, position: Array, size: Size) -> Array:
        """Map `[B, h, w, C]` to `[B, *size, C]`."""
        return max_unpool(x, position, size)


class ResizeConv(nn.Module):
    """Resize by a whole factor, then convolve: no checkerboard overlap."""

    features: int
    factor: int = 2
    kernel: int = 3
    method: str = "nearest"
    style: Style = Style()

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Map `[B, h, w, C]` to `[B, factor h, factor w, features]`."""
        if self.method not in METHODS:
            raise ValueError(f"method={self.method!r} is not one of {METHODS}")
        if self.method == "nearest":
            x = nearest(x, self.factor)
        else:
            size = (x.shape[1] * self.factor, x.shape[2] * self.factor)
            x = resize(x, size, impl=self.style.impl)
        return Conv(self.features, self.kernel, style=self.style, name="conv")(x)


class SubPixelConv(nn.Module):
    """Convolve to `factor**2` times the features, then move channels into space."""

    features: int
    factor: int = 2
    kernel: int = 3
    style: Style = Style()

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Map `[B, h, w, C]` to `[B, factor h, factor w, features]`."""
        wide = self.features * self.factor**2
        x = Conv(wide, self.kernel, style=self.style, name="conv")(x)
        return depth_to_space(x, self.factor, order="crd")
