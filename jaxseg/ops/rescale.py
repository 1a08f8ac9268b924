"""Resizes maps by a factor, as PyTorch or Caffe do.

`jaxseg.ops.resize` takes the new size as an argument. Here the size follows from a
factor. Libraries disagree about this size and about the positions at which the input is
sampled. For a side of n pixels, factor f and output pixel i, there are three rules:

    "factor"     floor(n f) output pixels, sampled at (i + 1/2) / f - 1/2
    "size"       floor(n f) output pixels, sampled at (i + 1/2) n / floor(n f) - 1/2
    "corners"    floor((n - 1) f) + 1 output pixels, with aligned corners

"factor" and "size" agree if n f is an integer. Aligned corners: the first and the last
pixel of the output have the values of the first and the last pixel of the input.
"""

import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxseg.ops.open_size import as_fraction, is_open
from jaxseg.ops.resize import resize
from jaxseg.ops.spatial.layout import is_split
from jaxseg.ops.spatial.linear import banded
from jaxseg.text import one_of
from jaxseg.typing import Array, Size

RULES = ("factor", "size", "corners")


def rescale(x: Array, factor: float, rule: str = "factor") -> Array:
    """Resizes a map bilinearly by a factor, without antialiasing.

    Args:
      x: [B, H, W, C].
      factor: The output size divided by the input size.
      rule: "factor" is `interpolate(scale_factor=f)` of PyTorch 1.6 and later, "size"
        the same call before that version, and "corners" the `Interp` layer of Caffe.

    Returns:
      The resized map. Each side has at least one pixel.

    Raises:
      ValueError: If the rule is unknown.
    """
    if rule not in RULES:
        raise ValueError(f"rule={rule!r} is invalid{one_of(rule, RULES)}")
    size = tuple(rescaled_size(n, factor, rule) for n in x.shape[1:3])
    if rule != "factor":
        return resize(x, size, align_corners=rule == "corners")
    for axis, target in zip((1, 2), size, strict=True):
        if _is_exact(x.shape[axis], target, factor):
            shape = (target, x.shape[2]) if axis == 1 else (x.shape[1], target)
            x = resize(x, shape)
        else:
            x = _contract(x, _stepped_weights(x.shape[axis], target, factor), axis)
    return x


def rescaled_size(pixels: int, factor: float, rule: str) -> int:
    """Returns the height or width to which `rescale` resizes a map.

    Args:
      pixels: The height or width of the map.
      factor: The factor by which the map is resized.
      rule: "factor", "size" or "corners", as in `rescale`.

    >>> [rescaled_size(321, 0.75, rule) for rule in RULES]
    [240, 240, 241]
    """
    if is_open(pixels):
        share = as_fraction(factor)
        if rule == "corners":
            return (pixels - 1) * share.numerator // share.denominator + 1
        return pixels * share.numerator // share.denominator
    if rule == "corners":
        return int((pixels - 1) * factor) + 1
    return max(1, int(pixels * factor))


def zoom(x: Array, factor: int, size: Size) -> Array:
    """Enlarges a map bilinearly by an integer factor and crops it to `size`.

    Entry k along a side of x becomes pixel k * factor. A side of n entries is enlarged
    to (n - 1) * factor + 1 pixels. Then rows at the bottom and columns at the right
    are cropped.

    Args:
      x: A map [B, h, w, C].
      factor: The distance in pixels between neighboring entries of x in the result.
      size: The height and width of the result in pixels.

    Returns:
      [B, *size, C].

    Raises:
      ValueError: If the enlarged map is smaller than `size`.
    """
    full = tuple((n - 1) * factor + 1 for n in x.shape[1:3])
    if any(have < want for have, want in zip(full, size, strict=True)):
        raise ValueError(
            f"size={size} is invalid: expected at most {full}, the size of a map of "
            f"{x.shape[1:3]} cells that is enlarged by the factor {factor}."
        )
    return resize(x, full, align_corners=True)[:, : size[0], : size[1]]


def _is_exact(source: int, target: int, factor: float) -> bool:
    """Returns whether `target` is `factor` times `source` without rounding."""
    if not is_open(source, target):
        return target == source * factor
    share = as_fraction(factor)
    return target * share.denominator == source * share.numerator


def _stepped_weights(source: int, target: int, factor: float) -> np.ndarray:
    """Returns the matrix [target, source] that resizes a side by the rule "factor"."""
    array = jnp if is_open(source, target) else np
    position = array.clip((array.arange(target) + 0.5) / factor - 0.5, 0, source - 1)
    distance = array.abs(array.arange(source)[None] - position[:, None])
    return array.maximum(0, 1 - distance).astype(np.float32)


def _contract(x: Array, weights: np.ndarray, axis: int) -> Array:
    """Multiplies one axis of a map by a matrix, in full float32 precision."""
    if is_split():
        return banded(x, (weights, None) if axis == 1 else (None, weights))
    exact = lax.Precision.HIGHEST
    y = jnp.tensordot(weights.astype(x.dtype), x, axes=(1, axis), precision=exact)
    return jnp.moveaxis(y, 0, axis)
