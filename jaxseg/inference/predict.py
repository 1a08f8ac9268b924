"""Predicts images of any size: as a whole, with a sliding window, or in tiles.

- "whole" pads the image with the mean color (0 after normalization) to a multiple of
  `multiple` pixels, and crops the result.
- "slide" averages the logits of overlapping windows. The last window of a row or column
  is shifted to end at the border of the image, as in `slide_inference` of
  MMSegmentation.
- "tile" is the overlap-tile strategy with mirrored borders for networks whose output is
  smaller than their input (U-Net, arXiv 1505.04597, figure 2).

The network is any function from images [B, H, W, C] to logits [B, H, W, K]. Wrap it in
`jax.jit` once and pass the jitted function to every call. Its input has the size of the
window, or sides that are multiples of `multiple`, so that a folder of images needs few
compiled programs.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np

from jaxseg.inference.sampling import argmax_blocks, extend
from jaxseg.inference.windows.grid import window_starts
from jaxseg.ops.bilinear import taps

ApplyFn = Callable[[jax.Array], jax.Array]
Mode = Literal["whole", "slide", "tile"]
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
      **options: The options of `predict_canvas`.

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
      **options: The options of `predict_canvas`.

    Returns:
      The classes, int32 [B, H, W], as a NumPy array.
    """
    canvas = predict_canvas(apply_fn, image, **options)
    if size is None or tuple(size) == canvas.size:
        height, width = canvas.size
        return np.asarray(_argmax(canvas.logits))[:, :height, :width]
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
    window: tuple[int, int] | None = None,
    stride: tuple[int, int] | None = None,
    batch: int = 4,
) -> Canvas:
    """Returns the logits of images of any size, and also the logits of their padding.

    Images are padded to one of a few sizes, so that few programs are compiled.

    Args:
      apply_fn: A function from images to logits, preferably jitted.
      image: The normalized images, [B, H, W, C]. "slide" and "tile" cut them on the
        host.
      mode: "whole", "slide" or "tile", see the description of the module.
      multiple: Padded heights and widths are multiples of this many pixels.
      window: The height and width of the input of the network in "slide" and "tile".
      stride: The vertical and horizontal step between windows in pixels. The default is
        two thirds of the window in "slide", and the size of the output in "tile",
        where tiles then do not overlap.
      batch: The number of windows in a call of the network.

    Returns:
      The padded logits.

    Raises:
      ValueError: If an argument is invalid, or the output of the network does not have
        the size that `mode` needs.
    """
    _check(
        image, mode=mode, window=window, counts={"multiple": multiple, "batch": batch}
    )
    if mode == "whole":
        return _whole(apply_fn, image, multiple)
    image = np.asarray(image)
    inner, classes = _output_shape(
        apply_fn, image=image, window=window, mode=mode, batch=batch
    )
    if stride is None:
        stride = inner if mode == "tile" else tuple(max(1, n * 2 // 3) for n in window)
    if any(not 1 <= s <= n for s, n in zip(stride, inner, strict=True)):
        raise ValueError(
            f"stride={stride} is invalid: expected steps from 1 to {inner}, the size "
            "of the output of a window."
        )
    size = image.shape[1:3]
    starts = [window_starts(*axis) for axis in zip(size, inner, stride, strict=True)]
    canvas = [round_up(max(axis), multiple) for axis in zip(size, inner, strict=True)]
    total = jnp.zeros((len(image), *canvas, classes), jnp.float32)
    padded = _pad_windows(image, window=window, inner=inner, mode=mode)
    for tiles, origin in _window_batches(
        padded, window=window, starts=starts, batch=batch
    ):
        total = _add_windows(total, apply_fn(tiles), origin)
    counts = [_coverage(*axis) for axis in zip(canvas, starts, inner, strict=True)]
    return Canvas(_divide(total, *counts), size)


def _check(image, mode, window, counts):
    if getattr(image, "ndim", 0) != 4 or 0 in image.shape:
        shape = getattr(image, "shape", type(image).__name__)
        raise ValueError(
            f"image.shape={shape} is invalid: expected [B, H, W, C] without zeros."
        )
    for name, value in counts.items():
        if value < 1:
            raise ValueError(f"{name}={value} is invalid: expected a number >= 1.")
    if mode not in ("whole", "slide", "tile"):
        raise ValueError(
            f"mode={mode!r} is invalid: expected 'whole', 'slide' or 'tile'."
        )
    if mode != "whole" and (window is None or min(window) < 1):
        raise ValueError(
            f"window={window} is invalid with mode={mode!r}: expected a height and a "
            "width >= 1."
        )


def round_up(length: int, multiple: int) -> int:
    """Returns the smallest multiple of `multiple` that is at least `length`."""
    return -(-length // multiple) * multiple


def _whole(apply_fn: ApplyFn, image, multiple: int) -> Canvas:
    size = image.shape[1:3]
    pads = [(0, round_up(n, multiple) - n) for n in size]
    pad = np.pad if isinstance(image, np.ndarray) else jnp.pad
    padded = pad(image, ((0, 0), *pads, (0, 0)))
    logits = apply_fn(padded)
    if logits.ndim != 4 or logits.shape[1:3] != padded.shape[1:3]:
        raise ValueError(
            f"mode='whole' is invalid for a network with logits of shape "
            f"{logits.shape}: expected logits of the size {padded.shape[1:3]} of the "
            "input. Use mode='tile' for a network without padding."
        )
    return Canvas(logits, size)


def _output_shape(apply_fn, image, window, mode, batch):
    shape = (batch, *window, image.shape[-1])
    output = jax.eval_shape(apply_fn, jax.ShapeDtypeStruct(shape, image.dtype)).shape
    if len(output) != 4:
        raise ValueError(f"logits.shape={output} is invalid: expected [B, h, w, K].")
    inner, classes = output[1:3], output[3]
    margins = [outer - n for outer, n in zip(window, inner, strict=True)]
    if mode == "slide" and any(margins):
        raise ValueError(
            f"mode='slide' is invalid for a network with logits of size {inner}: "
            f"expected the size {window} of the window. Use mode='tile' for a network "
            "without padding."
        )
    if any(margin < 0 or margin % 2 for margin in margins):
        raise ValueError(
            f"window={window} is invalid: expected logits that are smaller by an even "
            f"number of pixels, found the size {inner}. Choose another window."
        )
    return inner, classes


def _pad_windows(image, window, inner, mode):
    pads = []
    for length, outer, n in zip(image.shape[1:3], window, inner, strict=True):
        margin = (outer - n) // 2
        pads.append((margin, margin + max(n - length, 0)))
    kind = "reflect" if mode == "tile" else "constant"
    return np.pad(image, ((0, 0), *pads, (0, 0)), mode=kind)


def _window_batches(padded, window, starts, batch):
    """Yields windows [batch, h, w, C] and their origins, int32 [batch, 4].

    An origin is (example, top, left, 1). Copies of the first window of a batch, with 0
    as the last number, fill the last batch.
    """
    height, width = window
    jobs = [
        (b, y, x, 1) for b in range(len(padded)) for y in starts[0] for x in starts[1]
    ]
    for first in range(0, len(jobs), batch):
        chunk = jobs[first : first + batch]
        chunk = chunk + [(*chunk[0][:3], 0)] * (batch - len(chunk))
        tiles = [padded[b, y : y + height, x : x + width] for b, y, x, _ in chunk]
        yield np.stack(tiles), np.array(chunk, np.int32)


def _coverage(length: int, starts: list[int], window: int) -> np.ndarray:
    """Counts the windows over each row or column, at least 1; float32 [length]."""
    count = np.zeros(length, np.float32)
    for start in starts:
        count[start : start + window] += 1
    return np.maximum(count, 1)


@functools.partial(jax.jit, donate_argnums=0)
def _add_windows(total, logits, origin):
    def add(i, total):
        example, top, left, keep = origin[i]
        start, shape = (example, top, left, 0), (1, *logits.shape[1:])
        patch = jax.lax.dynamic_slice(total, start, shape)
        patch = patch + keep * jax.lax.dynamic_slice_in_dim(logits, i, 1)
        return jax.lax.dynamic_update_slice(total, patch, start)

    return jax.lax.fori_loop(0, logits.shape[0], add, total)


@jax.jit
def _divide(total, rows, columns):
    return total / rows[None, :, None, None] / columns[None, None, :, None]


@jax.jit
def _argmax(logits):
    return jnp.argmax(logits, axis=-1).astype(jnp.int32)


@jax.jit
def _resized_argmax(logits, rows, columns):
    return argmax_blocks(logits, rows, columns, block=BLOCK)
