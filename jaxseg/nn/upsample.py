"""Upsampling with and without parameters.

`bilinear_deconv` is the fixed bilinear deconvolution of FCN (arXiv 1411.4038),
`ResizeConv` the resize-convolution of Odena et al. (2016) and `SubPixelConv` the
sub-pixel convolution of arXiv 1609.05158. `Upsample` and `MaxUnpool` wrap operators of
`jaxseg.ops.unpool` and `jaxseg.ops.resize` as modules. For learned transposed
convolution see `jaxseg.nn.layers.ConvTranspose`.
"""

import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.layers import Conv, ConvTranspose
from jaxseg.ops.kernels import bilinear_profile
from jaxseg.ops.open_size import certainly_below, is_open
from jaxseg.ops.resize import multiply, resize
from jaxseg.ops.shuffle import depth_to_space
from jaxseg.ops.unpool import bed_of_nails, max_unpool, nearest
from jaxseg.text import one_of
from jaxseg.typing import Array, Size

METHODS = ("nearest", "bilinear")
KINDS = ("nearest", "bed_of_nails", "bilinear", "bilinear_aligned")


def deconv_matrix(
    source: int, target: int, *, stride: int, kernel: int, crop: int
) -> np.ndarray | Array:
    """Returns the matrix [target, source] of a bilinear deconvolution along one axis.

    The matrix maps the `source` values x of the input to the `target` values y of the
    result: y[u] = sum_i profile[u + crop - stride * i] * x[i], where `profile` is the
    bilinear kernel along one axis.
    """
    array = jnp if is_open(source, target) else np
    tap = array.arange(target)[:, None] + crop - stride * array.arange(source)[None, :]
    inside = (tap >= 0) & (tap < kernel)
    profile = array.asarray(bilinear_profile(kernel), array.float32)
    return array.where(inside, profile[array.clip(tap, 0, kernel - 1)], 0)


def bilinear_deconv(
    x: Array, *, stride: int, kernel: int, crop: int, size: Size
) -> Array:
    """Applies a transposed convolution with the fixed bilinear kernel and crops it.

    Each channel is upsampled separately. Two matrix products suffice, because the
    kernel is separable, and they do not compute the border that is cropped.

    Args:
      x: [B, h, w, C].
      stride: Stride of the deconvolution.
      kernel: Kernel size; the full result has (h - 1) * stride + kernel rows.
      crop: Number of rows and columns cut at the top and left.
      size: Height and width of the result.

    Returns:
      [B, *size, C].

    Raises:
      ValueError: If crop and size exceed the full result.
    """
    for axis, (source, target) in enumerate(zip(x.shape[1:3], size, strict=True)):
        full = (source - 1) * stride + kernel
        if certainly_below(full, crop + target):
            raise ValueError(
                f"size[{axis}]={target} is invalid: expected at most {full - crop}, "
                f"because the deconvolution gives {full} pixels and crop={crop}."
            )
    rows, columns = (
        deconv_matrix(source, target, stride=stride, kernel=kernel, crop=crop)
        for source, target in zip(x.shape[1:3], size, strict=True)
    )
    return multiply(x, rows, columns)


class BilinearDeconv(nn.Module):
    """Upsamples by a transposed convolution that interpolates bilinearly.

    By default, the kernel is fixed and there are no parameters. With `learned`, a
    dense kernel from C to C channels is trained. It starts as bilinear upsampling of
    each channel.
    """

    stride: int
    kernel: int
    crop: int
    learned: bool = False
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array, size: Size) -> Array:
        """Maps [B, h, w, C] to [B, *size, C]."""
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
                f"size={size} is invalid: expected at most "
                f"{(x.shape[1] - crop, x.shape[2] - crop)}, because the deconvolution "
                f"gives {x.shape[1:3]} pixels and crop={crop}."
            )
        return x[:, crop : crop + height, crop : crop + width]


class Upsample(nn.Module):
    """Upsamples by an integer factor without parameters.

    `kind` is "nearest", "bed_of_nails", "bilinear" (half-pixel centers) or
    "bilinear_aligned" (aligned corners).
    """

    kind: str = "bilinear"
    factor: int = 2

    def __call__(self, x: Array) -> Array:
        """Maps [B, h, w, C] to [B, factor * h, factor * w, C]."""
        if self.kind not in KINDS:
            raise ValueError(f"kind={self.kind!r} is invalid{one_of(self.kind, KINDS)}")
        if self.kind == "nearest":
            return nearest(x, self.factor)
        if self.kind == "bed_of_nails":
            return bed_of_nails(x, self.factor)
        size = (x.shape[1] * self.factor, x.shape[2] * self.factor)
        return resize(x, size, align_corners=self.kind == "bilinear_aligned")


class MaxUnpool(nn.Module):
    """Undoes 2x2 max pooling: writes each value where the maximum was.

    All other pixels of the result are 0.
    """

    def __call__(self, x: Array, position: Array, size: Size) -> Array:
        """Maps [B, h, w, C] to [B, *size, C]."""
        return max_unpool(x, position, size)


class ResizeConv(nn.Module):
    """Resizes a map by an integer factor and then applies a convolution.

    This avoids the checkerboard artifacts of a transposed convolution.
    """

    features: int
    factor: int = 2
    kernel: int = 3
    method: str = "nearest"
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Maps [B, h, w, C] to [B, factor * h, factor * w, features]."""
        if self.method not in METHODS:
            raise ValueError(
                f"method={self.method!r} is invalid{one_of(self.method, METHODS)}"
            )
        if self.method == "nearest":
            x = nearest(x, self.factor)
        else:
            size = (x.shape[1] * self.factor, x.shape[2] * self.factor)
            x = resize(x, size, impl=self.style.impl)
        return Conv(self.features, self.kernel, style=self.style, name="conv")(x)


class SubPixelConv(nn.Module):
    """Upsamples a map by a convolution and depth to space.

    The convolution has `features * factor**2` output channels, which depth to space
    rearranges into blocks of factor x factor pixels.
    """

    features: int
    factor: int = 2
    kernel: int = 3
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Maps [B, h, w, C] to [B, factor * h, factor * w, features]."""
        wide = self.features * self.factor**2
        x = Conv(wide, self.kernel, style=self.style, name="conv")(x)
        return depth_to_space(x, self.factor, order="crd")
