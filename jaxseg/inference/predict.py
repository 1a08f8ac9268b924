"""Prediction for images of any size: whole, by sliding window, or by tiles.

whole  pads with the mean color (0 after normalization) to a multiple and crops back.
slide  averages the logits of overlapping windows; the last window of a row or column is
       shifted inside the image (grid of MMSegmentation's `slide_inference`).
tile   overlap-tile with mirrored borders for networks whose output is smaller than
       their input (U-Net, arXiv 1505.04597, figure 2).

The network is any callable `image [B, H, W, C] -> logits [B, H, W, K]`; wrap it in
`jax.jit` once and pass the same object every time. The sizes it meets are multiples of
`multiple`, or the window, so that a folder of images compiles a handful of programs.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np

from jaxseg.inference.sampling import argmax_blocks, extend, taps

ApplyFn = Callable[[jax.Array], jax.Array]
Mode = Literal["whole", "slide", "tile"]
BLOCK = 32  # rows of full-size logits held at a time while taking the argmax


@dataclasses.dataclass(frozen=True)
class Canvas:
    """Logits on a padded canvas; the prediction is its top left `size` corner."""

    logits: jax.Array  # [B, >= H, >= W, K]
    size: tuple[int, int]


def predict_logits(apply_fn: ApplyFn, image, **options) -> jax.Array:
    """Logits [B, H, W, K] at the image's size; options as in `predict_canvas`."""
    canvas = predict_canvas(apply_fn, image, **options)
    height, width = canvas.size
    return canvas.logits[:, :height, :width]


def predict_labels(
    apply_fn: ApplyFn, image, *, size: tuple[int, int] | None = None, **options
) -> np.ndarray:
    """Most probable class of every pixel, int32 [B, H, W], on the host.

    Args:
      apply_fn: image -> logits.
      image: [B, h, w, C], normalized.
      size: resolution (H, W) of the result, by default the image's; logits are
        resized (bilinear, half-pixel) before the argmax, some rows at a time.
      **options: as in `predict_canvas`.
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
    """Logits of an image of any size, on a canvas of one of few sizes.

    Args:
      apply_fn: image -> logits, preferably jitted.
      image: [B, H, W, C], normalized. "slide" and "tile" cut it on the host.
      mode: see the module's description.
      multiple: canvas heights and widths are multiples of this, in pixels.
      window: (height, width) of the network's input in "slide" and "tile".
      stride: step between windows; by default two thirds of the window ("slide") or
        the output of one tile ("tile", no overlap).
      batch: windows per call of the network.

    Raises:
      ValueError: if an argument does not fit, or the network's output does not have
        the size that `mode` needs.
    """
    if getattr(image, "ndim", 0) != 4 or 0 in image.shape:
        shape = getattr(image, "shape", type(image).__name__)
        raise ValueError(f"image must be [B, H, W, C] and not empty, got {shape}")
    if multiple < 1 or batch < 1:
        raise ValueError(f"multiple {multiple} and batch {batch} must be at least 1")
    if mode == "whole":
        return _whole(apply_fn, image, multiple)
    if mode not in ("slide", "tile"):
        raise ValueError(f"mode must be 'whole', 'slide' or 'tile', got {mode!r}")
    if window is None or min(window) < 1:
        raise ValueError(f"mode {mode!r} needs window=(height, width), got {window}")
    image = np.asarray(image)
    inner, classes = _output_shape(apply_fn, image, window, mode, batch)
    if stride is None:
        stride = inner if mode == "tile" else tuple(max(1, n * 2 // 3) for n in window)
    if any(not 1 <= s <= n for s, n in zip(stride, inner, strict=True)):
        raise ValueError(f"stride must lie between 1 and {inner}, got {stride}")
    size = image.shape[1:3]
    starts = [window_starts(*axis) for axis in zip(size, inner, stride, strict=True)]
    canvas = [round_up(max(axis), multiple) for axis in zip(size, inner, strict=True)]
    total = jnp.zeros((len(image), *canvas, classes), jnp.float32)
    padded = _pad_windows(image, window, inner, mode)
    for tiles, origin in _window_batches(padded, window, starts, batch):
        total = _add_windows(total, apply_fn(tiles), origin)
    counts = [_coverage(*axis) for axis in zip(canvas, starts, inner, strict=True)]
    return Canvas(_divide(total, *counts), size)


def round_up(length: int, multiple: int) -> int:
    """Smallest multiple that is at least `length`."""
    return -(-length // multiple) * multiple


def window_starts(length: int, window: int, stride: int) -> list[int]:
    """First indices of windows that cover `length`; the last is shifted inside.

    >>> window_starts(10, 4, 4)
    [0, 4, 6]
    """
    last = max(length - window, 0)
    count = -(-last // stride) + 1
    return [min(i * stride, last) for i in range(count)]


def _whole(apply_fn: ApplyFn, image, multiple: int) -> Canvas:
    size = image.shape[1:3]
    pads = [(0, round_up(n, multiple) - n) for n in size]
    pad = np.pad if isinstance(image, np.ndarray) else jnp.pad
    padded = pad(image, ((0, 0), *pads, (0, 0)))
    logits = apply_fn(padded)
    if logits.ndim != 4 or logits.shape[1:3] != padded.shape[1:3]:
        raise ValueError(
            f"mode 'whole' needs logits of the input's size {padded.shape[1:3]}, got "
            f"shape {logits.shape}; use mode='tile' for networks without padding"
        )
    return Canvas(logits, size)


def _output_shape(apply_fn, image, window, mode, batch):
    shape = (batch, *window, image.shape[-1])
    output = jax.eval_shape(apply_fn, jax.ShapeDtypeStruct(shape, image.dtype)).shape
    if len(output) != 4:
        raise ValueError(f"logits must be [B, h, w, K], got shape {output}")
    inner, classes = output[1:3], output[3]
    margins = [outer - n for outer, n in zip(window, inner, strict=True)]
    if mode == "slide" and any(margins):
        raise ValueError(
            f"mode 'slide' needs logits of the window's size {window}, got {inner}; "
            "use mode='tile' for networks without padding"
        )
    if any(margin < 0 or margin % 2 for margin in margins):
        raise ValueError(
            f"window {window} gives logits {inner}; the margin must be even and >= 0"
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
    """Yields windows [batch, h, w, C] and their origins int32 [batch, 4].

    An origin is (example, top, left, 1); the last batch is filled with copies of its
    first window whose last number is 0.
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
    """How many windows see each row or column, at least 1: float32 [length]."""
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
