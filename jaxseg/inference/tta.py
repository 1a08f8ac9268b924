"""Averages predictions over scales and mirrored images (test-time augmentation).

Each view is the image after bilinear resizing (half-pixel, without antialiasing), with
or without a left-right flip. The logits of each view are resized to the size of the
result, and the softmax of all views is averaged, as in PSPNet (arXiv 1612.01105,
section 5.1, scales 0.5, 0.75, 1, 1.25, 1.5 and 1.75). `Averaging.of` can select the
mean of the logits instead.

Differs: DeepLab v2 (arXiv 1606.00915, section 4.1.2) takes the maximum over scales.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxseg.inference.predict import ApplyFn, predict_canvas, round_up
from jaxseg.inference.sampling import extend, sample
from jaxseg.inference.uncertainty.averaging import Average, Averaged, Averaging
from jaxseg.ops.bilinear import Taps, taps
from jaxseg.ops.output_form import OutputForm

# As in PSPNet (arXiv 1612.01105, section 5.1).
PSPNET_SCALES = (0.5, 0.75, 1.0, 1.25, 1.5, 1.75)


class View(NamedTuple):
    """Contains the logits for one view, and how to resize them to the result's size.

    A view is the image after it was resized and, optionally, mirrored.

    Attributes:
      logits: The logits, [B, h, w, K].
      rows: For each row of the result, the two rows of the logits between which it is
        interpolated, and the weight of the second one.
      columns: The same for each column of the result. Columns are in reverse order for
        a mirrored view, so that the result is not mirrored.
    """

    logits: jax.Array
    rows: Taps
    columns: Taps


def views(
    apply_fn: ApplyFn,
    image: np.ndarray,
    *,
    scales: tuple[float, ...] = (1.0,),
    flip: bool = False,
    size: tuple[int, int],
    **options,
) -> Iterator[View]:
    """Yields the logits for each resized and mirrored version of the images.

    Args:
      apply_fn: A function from images to logits.
      image: The normalized images, [B, h, w, C].
      scales: The factors by which the height and the width are multiplied.
      flip: Whether each scale is also predicted with a left-right flip.
      size: The height and width of the result.
      **options: The options of `jaxseg.inference.predict_canvas`.

    Yields:
      A `View` for each scale. If `flip` is True, a second `View` of the mirrored image
      follows. A `View` contains the logits, and how to resize them to `size`.

    Raises:
      ValueError: If there is no scale, or a scale is not positive.
    """
    if not scales or min(scales) <= 0:
        raise ValueError(
            f"scales={scales} is invalid: expected one or more numbers > 0."
        )
    image = np.asarray(image, np.float32)
    height, width = size
    shape = padded_shape(size, options)
    for scale in scales:
        scaled = rescale(image, scale)
        for mirrored in (False, True) if flip else (False,):
            view = scaled[:, :, ::-1] if mirrored else scaled
            canvas = predict_canvas(apply_fn, view, **options)
            rows = extend(taps(canvas.size[0], height), shape[0])
            columns = taps(canvas.size[1], width)
            if mirrored:
                columns = Taps(*(part[::-1] for part in columns))
            yield View(canvas.logits, rows, extend(columns, shape[1]))


def padded_shape(size: tuple[int, int], options: Mapping[str, Any]) -> tuple[int, int]:
    """Returns the height and width of the arrays in which predictions are added up.

    They are the height and width of the result, rounded up to a multiple of
    `options["multiple"]`. The default is 32. The rounding reduces the number of
    different sizes, for each of which JAX compiles a program.

    Args:
      size: The height and width of the result.
      options: The options of `jaxseg.inference.predict_canvas`.
    """
    multiple = options.get("multiple", 32)
    return round_up(size[0], multiple), round_up(size[1], multiple)


def average_views(
    predictions: Iterable[View], rule: Average, size: tuple[int, int]
) -> Averaged:
    """Averages the predictions of one or more networks for views of the same images.

    A view is an image after it was resized and, optionally, mirrored.

    Args:
      predictions: For each view, the logits and how to resize them.
      rule: The object that adds up and averages predictions. It states whether
        probabilities or logits are averaged.
      size: The height and width of the result.

    Returns:
      `Averaged` with the averaged probabilities, float32 [B, H, W, K], and the maps of
      uncertainty, float32 [B, H, W], as NumPy arrays.
    """
    sums, count = None, 0
    for view in predictions:
        if sums is None:
            shape = len(view.rows.low), len(view.columns.low)
            batch, classes = view.logits.shape[0], view.logits.shape[-1]
            sums = rule.zeros((batch, *shape, classes))
        sums = _add(sums, view, rule=rule)
        count += 1
    height, width = size
    found = _result(sums, np.float32(count), rule=rule)
    return jax.tree.map(lambda part: np.asarray(part)[:, :height, :width], found)


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
      scales: The factors by which the height and the width are multiplied.
      flip: Whether each scale is also predicted with a left-right flip.
      size: The height and width of the result, by default those of the image.
      sigmoid: Whether the probability of a class is the sigmoid of its logit.
      **options: The options of `jaxseg.inference.predict_canvas`.

    Returns:
      The probabilities, float32 [B, H, W, K], as a NumPy array.

    Raises:
      ValueError: If there is no scale, or a scale is not positive.
    """
    size = size or image.shape[1:3]
    rule = Average(Averaging(), OutputForm("multilabel" if sigmoid else "softmax"))
    several = views(apply_fn, image, scales=scales, flip=flip, size=size, **options)
    return np.asarray(average_views(several, rule, size).probabilities)


def rescale(image: np.ndarray, scale: float) -> np.ndarray:
    """Returns images that are resized bilinearly by a factor.

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


@functools.partial(jax.jit, donate_argnums=0, static_argnames="rule")
def _add(sums, view, *, rule):
    return rule.add(sums, sample(view.logits, view.rows, view.columns))


@functools.partial(jax.jit, static_argnames="rule")
def _result(sums, count, *, rule):
    return rule.result(sums, count)
