"""Resizes maps by a factor, with the rules for size and position of other libraries.

`jaxseg.ops.resize` takes the new size as an argument. Here the size follows from a
factor. Libraries disagree about this size and about the positions at which the input is
sampled. For n pixels and factor f there are three rules:

    "factor"     floor(n f) samples at (i + 1/2) / f - 1/2
    "size"       floor(n f) samples at (i + 1/2) n / floor(n f) - 1/2
    "corners"    floor((n - 1) f) + 1 samples, with aligned corners

"factor" and "size" agree if n f is an integer. "corners" maps the first and the last
pixel of the input to those of the output.
"""

import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxseg.ops.open_size import as_fraction, is_open
from jaxseg.ops.resize import resize
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
        raise ValueError(f"rule={rule!r} is invalid: expected one of {RULES}.")
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
    """Returns the number of pixels to which `rescale` resizes a side.

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
    """Enlarges a map by an integer factor with aligned corners and crops it to `size`.

    Cell k of x becomes pixel k * factor. The enlarged map has (n - 1) * factor + 1
    pixels per side. Rows and columns beyond `size` are cropped at the end.

    Args:
      x: [B, h, w, C].
      factor: Pixels per cell.
      size: Height and width of the result in pixels.

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
    """Returns the interpolation matrix [target, source] for positions 1 / f apart."""
    array = jnp if is_open(source, target) else np
    position = array.clip((array.arange(target) + 0.5) / factor - 0.5, 0, source - 1)
    distance = array.abs(array.arange(source)[None] - position[:, None])
    return array.maximum(0, 1 - distance).astype(np.float32)


def _contract(x: Array, weights: np.ndarray, axis: int) -> Array:
    """Multiplies one axis by a matrix, in full precision on every device."""
    exact = lax.Precision.HIGHEST
    y = jnp.tensordot(weights.astype(x.dtype), x, axes=(1, axis), precision=exact)
    return jnp.moveaxis(y, 0, axis)
