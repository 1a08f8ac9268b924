"""Predicts images of any size: as a whole, with a sliding window, or in tiles.

- "whole" pads the image with the mean color (0 after normalization) to a multiple of
  `multiple` pixels, and crops the result.
- "slide" averages the logits of overlapping windows. The last window of a row or column
  is shifted to end at the border of the image, as in `slide_inference` of
  MMSegmentation. `jaxseg.inference.windows` computes the average.
- "tile" is the overlap-tile strategy with mirrored borders for networks whose output is
  smaller than their input (U-Net, arXiv 1505.04597, figure 2).

The network is any function from images [B, H, W, C] to logits [B, H, W, K]. Wrap it in
`jax.jit` once and pass the jitted function to every call. Its input has the size of the
window, or sides that are multiples of `multiple`, so that a folder of images needs few
compiled programs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np

from jaxseg.inference.sampling import argmax_blocks, extend
from jaxseg.inference.windows.inputs import ArrayPixels
from jaxseg.inference.windows.options import WindowOptions
from jaxseg.inference.windows.sliding import SlidingWindows, most_probable
from jaxseg.ops.bilinear import taps

ApplyFn = Callable[[jax.Array], jax.Array]
Mode = Literal["whole", "slide", "tile", "exact"]
BLOCK = 32  # The number of rows of resized logits that are in memory at once.


@dataclasses.dataclass(frozen=True)
class Canvas:
    """Contains the logits of padded images, and the size of the images without padding.

    Attributes:
      logits: The logits, [B, >= H, >= W, K]. Those of the image are in the upper left
        corner.
      size: The height and width of the image.
    """

    logits: jax.Array
    size: tuple[int, int]


def predict_logits(apply_fn: ApplyFn, image, **options) -> jax.Array:
    """Returns the logits of images of any size.

    Args:
      apply_fn: A function from images to logits.
      image: The normalized images, [B, H, W, C].
      **options: The further arguments of `predict_canvas`, such as `mode`.

    Returns:
      The logits, [B, H, W, K].
    """
    canvas = predict_canvas(apply_fn, image, **options)
    height, width = canvas.size
    return canvas.logits[:, :height, :width]


def predict_labels(
    apply_fn: ApplyFn, image, *, size: tuple[int, int] | None = None, **options
) -> np.ndarray:
    """Returns the most probable class of every pixel.

    Args:
      apply_fn: A function from images to logits.
      image: The normalized images, [B, h, w, C].
      size: The height and width of the result, by default those of the image. Logits
        are resized (bilinear, half-pixel) before the argmax, a few rows at a time.
      **options: The further arguments of `predict_canvas`, such as `mode`.

    Returns:
      The classes, int32 [B, H, W], as a NumPy array.
    """
    equal = size is None or tuple(size) == tuple(image.shape[1:3])
    if equal and options.get("mode", "whole") != "whole":
        return _labels_by_windows(apply_fn, image, **options)
    canvas = predict_canvas(apply_fn, image, **options)
    if size is None or equal:
        height, width = canvas.size
        return np.asarray(most_probable(canvas.logits))[:, :height, :width]
    (h, w), (height, width) = canvas.size, size
    multiple = options.get("multiple", 32)
    rows = extend(taps(h, height), round_up(height, BLOCK))
    columns = extend(taps(w, width), round_up(width, multiple))
    label = _resized_argmax(canvas.logits, rows, columns)
    return np.asarray(label)[:, :height, :width]


def predict_canvas(
    apply_fn: ApplyFn,
    image,
    *,
    mode: Mode = "whole",
    multiple: int = 32,
    windows: WindowOptions | None = None,
) -> Canvas:
    """Returns the logits of images of any size, and also the logits of their padding.

    Images are padded to one of a few sizes, so that few programs are compiled.

    Args:
      apply_fn: A function from images to logits, preferably jitted.
      image: The normalized images, [B, H, W, C]. "slide" and "tile" cut them on the
        host.
      mode: "whole", "slide" or "tile", see the description of the module.
      multiple: Padded heights and widths are multiples of this many pixels.
      windows: The options of "slide" and "tile".

    Returns:
      A `Canvas` with the logits of the padded images, and the size of the images
      without padding.

    Raises:
      ValueError: If an argument is invalid, or the output of the network does not have
        the size that `mode` needs.
    """
    _check(image, mode=mode, windows=windows, multiple=multiple)
    if mode == "whole":
        return _whole(apply_fn, image, multiple)
    assert windows is not None and mode != "exact"  # `_check` refuses both
    image = np.asarray(image)
    sliding = SlidingWindows(apply_fn, windows, mode=mode)
    grid, classes = sliding.plan(ArrayPixels(image[0]))
    sides = [max(n, m) for n, m in zip(grid.size, grid.output, strict=True)]
    shape = [round_up(side, multiple) for side in sides]
    canvas = np.zeros((len(image), *shape, classes), np.float32)
    for pixels, logits in zip(image, canvas, strict=True):
        for rows in sliding.rows(ArrayPixels(pixels)):
            values = np.asarray(rows.values)
            last = rows.first + len(values)
            logits[rows.first : last, : grid.size[1]] = values
    height, width = grid.size
    return Canvas(jnp.asarray(canvas), (height, width))


def _labels_by_windows(apply_fn, image, *, mode, windows=None, multiple=32):
    """Returns the classes without holding the logits of a whole image."""
    _check(image, mode=mode, windows=windows, multiple=multiple)
    image = np.asarray(image)
    sliding = SlidingWindows(apply_fn, windows, mode=mode)
    labels = np.empty(image.shape[:3], np.int32)
    for pixels, found in zip(image, labels, strict=True):
        for rows in sliding.rows(ArrayPixels(pixels), decide=most_probable):
            found[rows.first : rows.first + len(rows.values)] = rows.values
    return labels


def _check(image, mode, windows, multiple):
    if getattr(image, "ndim", 0) != 4 or 0 in image.shape:
        shape = getattr(image, "shape", type(image).__name__)
        raise ValueError(
            f"image.shape={shape} is invalid: expected [B, H, W, C], each at least 1."
        )
    if multiple < 1:
        raise ValueError(f"multiple={multiple} is invalid: expected a number >= 1.")
    if mode not in ("whole", "slide", "tile"):
        raise ValueError(
            f"mode={mode!r} is invalid: expected 'whole', 'slide' or 'tile'."
        )
    if mode != "whole" and windows is None:
        raise ValueError(
            f"window=None is invalid with mode={mode!r}: expected a height and a "
            "width >= 1."
        )


def round_up(length: int, multiple: int) -> int:
    """Returns the smallest multiple of `multiple` that is at least `length`."""
    return -(-length // multiple) * multiple


def _whole(apply_fn: ApplyFn, image, multiple: int) -> Canvas:
    size = image.shape[1:3]
    pads = [(0, round_up(n, multiple) - n) for n in size]
    pad = np.pad if isinstance(image, np.ndarray) else jnp.pad
    padded: Any = pad(image, ((0, 0), *pads, (0, 0)))
    logits = apply_fn(padded)
    if logits.ndim != 4 or logits.shape[1:3] != padded.shape[1:3]:
        raise ValueError(
            f"mode='whole' is invalid for a network with logits of shape "
            f"{logits.shape}: expected logits of the size {padded.shape[1:3]} of the "
            "input. Use mode='tile' for a network without padding."
        )
    return Canvas(logits, size)


@jax.jit
def _resized_argmax(logits, rows, columns):
    return argmax_blocks(logits, rows, columns, block=BLOCK)
