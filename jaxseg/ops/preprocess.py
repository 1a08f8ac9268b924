"""Converts pixels to the input of a network, for training, prediction and export."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import jax.numpy as jnp

from jaxseg.ops.open_size import as_fraction, is_open
from jaxseg.ops.resize import resize
from jaxseg.typing import Array, Size


class Normalization(Protocol):
    """Defines the attributes of a `DatasetSpec` that normalization needs.

    Attributes:
      mean: The mean of each channel, for images in [0, 1].
      std: The standard deviation of each channel, for images in [0, 1].
      value_range: A pair (low, high): the pixel values that are mapped to 0 and 1.
    """

    @property
    def mean(self) -> Sequence[float]: ...

    @property
    def std(self) -> Sequence[float]: ...

    @property
    def value_range(self) -> tuple[float, float]: ...


def preprocess(pixels: Array, spec: Normalization, *, scale: float = 1.0) -> Array:
    """Converts pixels to the input of a network.

    Args:
      pixels: Images [B, H, W, C] of any number type.
      spec: The range of values, and the mean and standard deviation of each channel.
      scale: The factor by which height and width are resized after normalization
        (bilinear, antialiased when the image shrinks).

    Returns:
      The images, float32 [B, h, w, C]. `scaled_size` defines h and w.

    Raises:
      ValueError: If the spec does not fit the channels.
    """
    image = normalize(to_unit(pixels, spec.value_range), spec)
    if scale == 1:
        return image
    return resize(image, scaled_size(image.shape[1:3], scale), antialias=True)


def to_unit(pixels: Array, value_range: tuple[float, float]) -> Array:
    """Maps a range of pixel values to [0, 1]; values outside of it are clipped.

    Args:
      pixels: Values of any number type.
      value_range: The values that become 0 and 1.

    Returns:
      float32 values of the shape of `pixels`.

    >>> import numpy as np
    >>> to_unit(np.array([0, 100, 300], np.uint16), (50, 150)).tolist()
    [0.0, 0.5, 1.0]
    """
    low, high = value_range
    values = pixels.astype(jnp.float32)
    if low:
        values = values - low
    values = values / (high - low)
    return values if _within(pixels.dtype, low, high) else jnp.clip(values, 0, 1)


def _within(dtype: Any, low: float, high: float) -> bool:
    """Returns whether a type has no values outside of a range, which need a clip."""
    if not jnp.issubdtype(dtype, jnp.integer):
        return False
    limits = jnp.iinfo(dtype)
    return low <= limits.min and limits.max <= high


def normalize(image: Array, spec: Normalization) -> Array:
    """Returns images in [0, 1] minus the mean, divided by the standard deviation.

    Args:
      image: float32 [B, H, W, C].
      spec: The mean and standard deviation of each channel.

    Raises:
      ValueError: If the spec does not fit the channels.
    """
    channels = image.shape[-1]
    if not len(spec.mean) == len(spec.std) == channels or min(spec.std) <= 0:
        raise ValueError(
            f"mean={tuple(spec.mean)}, std={tuple(spec.std)} is invalid: expected "
            f"{channels} numbers each, one per channel of the image, with std > 0."
        )
    mean, std = (
        jnp.asarray(values, jnp.float32).reshape(1, 1, 1, -1)
        for values in (spec.mean, spec.std)
    )
    return (image - mean) / std


def scaled_size(size: Size, scale: float) -> Size:
    """Returns (height, width) times `scale`, rounded to integers of at least 1."""
    height, width = (_scaled(side, scale) for side in size)
    return height, width


def _scaled(side, scale):
    if not is_open(side):
        return max(1, round(side * scale))
    share = as_fraction(scale)
    if side * share.numerator % share.denominator != 0:
        raise ValueError(
            f"scale={scale} is invalid for images of any size: expected a factor that "
            f"gives whole numbers of pixels for sides of {side} pixels. Fix the size "
            "of the images."
        )
    return side * share.numerator // share.denominator
