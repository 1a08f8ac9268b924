"""Averages predictions over scales and mirrored images (test-time augmentation).

Each view is the image after bilinear resizing (half-pixel, without antialiasing), with
or without a left-right flip. The logits of each view are resized to the size of the
result, and the softmax of all views is averaged, as in DeepLab (arXiv 1606.00915,
section 4.1.2) and PSPNet (arXiv 1612.01105, section 5.1, scales 0.5, 0.75, 1, 1.25, 1.5
and 1.75).

Differs: the first version of DeepLab takes the maximum over scales. Later versions and
PSPNet average, as this module does.
"""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np

from jaxseg.inference.predict import ApplyFn, predict_canvas, round_up
from jaxseg.inference.sampling import extend, sample
from jaxseg.ops.bilinear import Taps, taps

PSPNET_SCALES = (0.5, 0.75, 1.0, 1.25, 1.5, 1.75)


def predict_probabilities(
    apply_fn: ApplyFn,
    image: np.ndarray,
    *,
    scales: tuple[float, ...] = (1.0,),
    flip: bool = False,
    size: tuple[int, int] | None = None,
    sigmoid: bool = False,
    **options,
) -> np.ndarray:
    """Returns class probabilities, averaged over scales and mirrored images.

    Args:
      apply_fn: A function from images to logits.
      image: The normalized images, [B, h, w, C].
      scales: The factors of height and width.
      flip: Whether each scale is also predicted with a left-right flip.
      size: The height and width of the result, by default those of the image.
      sigmoid: Whether the probability of a class is the sigmoid of its logit.
      **options: The options of `jaxseg.inference.predict_canvas`.

    Returns:
      The probabilities, float32 [B, H, W, K], as a NumPy array.

    Raises:
      ValueError: If there is no scale, or a scale is not positive.
    """
    if not scales or min(scales) <= 0:
        raise ValueError(
            f"scales={scales} is invalid: expected one or more numbers > 0."
        )
    image = np.asarray(image, np.float32)
    height, width = size or image.shape[1:3]
    multiple = options.get("multiple", 32)
    shape = round_up(height, multiple), round_up(width, multiple)
    total = None
    for scale in scales:
        scaled = rescale(image, scale)
        for mirrored in (False, True) if flip else (False,):
            view = scaled[:, :, ::-1] if mirrored else scaled
            canvas = predict_canvas(apply_fn, view, **options)
            rows = extend(taps(canvas.size[0], height), shape[0])
            columns = taps(canvas.size[1], width)
            if mirrored:
                columns = Taps(*(part[::-1] for part in columns))
            columns = extend(columns, shape[1])
            if total is None:
                classes = canvas.logits.shape[-1]
                total = jnp.zeros((len(image), *shape, classes), jnp.float32)
            add = _add_sigmoid if sigmoid else _add_softmax
            total = add(total, canvas.logits, rows, columns)
    count = len(scales) * (2 if flip else 1)
    return np.asarray(total)[:, :height, :width] / np.float32(count)


def rescale(image: np.ndarray, scale: float) -> np.ndarray:
    """Resizes images bilinearly by a factor.

    Args:
      image: The images, [B, H, W, C].
      scale: The factor. Sides become floor(side * scale + 1/2), and at least 1.
    """
    if scale == 1:
        return image
    rows, columns = (
        taps(side, max(1, int(side * scale + 0.5))) for side in image.shape[1:3]
    )
    return sample(image, rows, columns)


@functools.partial(jax.jit, donate_argnums=0)
def _add_softmax(total, logits, rows, columns):
    return total + jax.nn.softmax(sample(logits, rows, columns), axis=-1)


@functools.partial(jax.jit, donate_argnums=0)
def _add_sigmoid(total, logits, rows, columns):
    return total + jax.nn.sigmoid(sample(logits, rows, columns))
