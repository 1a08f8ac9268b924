"""Measures how much the padding of images changes the labels of a network."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any

import jax
import numpy as np

from jaxseg.analysis.jaxpr.dependence import Lines, reach
from jaxseg.inference.image_network import ImageNetwork
from jaxseg.inference.segmenter import Segmenter
from jaxseg.ops.open_size import ImageTooSmall
from jaxseg.text import counted
from jaxseg.typing import Size


@dataclasses.dataclass(frozen=True)
class PaddingEffect:
    """Describes how padding changes the labels of a sample of images.

    Attributes:
      images: The number of images in the sample.
      share: The fraction of an image's labels that padding changed, from 0 to 1. It is
        the largest one over the images of the sample.
      band: The number of rows at the lower border, and the number of columns at the
        right border, in which labels can change. None if all labels can change.
    """

    images: int
    share: float
    band: Size | None

    def __str__(self) -> str:
        """Returns two sentences for the user about the labels that padding changes."""
        where = "Labels anywhere in an image can change"
        if self.band is not None:
            where = (
                f"Labels can change up to {self.band[1]} pixels from the right border "
                f"and up to {self.band[0]} pixels from the lower border"
            )
        return (
            f"{where}, compared with the size without padding. Among "
            f"{counted(self.images, 'image')} also segmented at that size, at most "
            f"{self.share:.2%} of the labels of an image changed."
        )


def padding_effect(
    segmenter: Segmenter,
    images: Iterable[np.ndarray],
    padded: Callable[[Size], Size],
) -> PaddingEffect:
    """Segments images with and without padding, and compares the labels.

    The receptive fields of the networks determine which labels can change. Images that
    are too small to be segmented without padding are left out.

    Args:
      segmenter: The network or the ensemble.
      images: The images, each [H, W, C].
      padded: Maps the size of an image to the size to which it is padded.

    Returns:
      A `PaddingEffect` with the number of images that were compared, the largest
      fraction of changed labels in an image, and the size of the border region in which
      labels can change.
    """
    number, share, bands = 0, 0.0, [(0, 0)]
    for image in images:
        own = image.shape[:2]
        larger = padded(own)
        try:
            found = [_labels(segmenter, image, size) for size in (own, larger)]
        except ImageTooSmall:  # Only the padded image can be segmented.
            continue
        share = max(share, float((found[0] != found[1]).mean()))
        bands += [_band(one, own, larger) for one in segmenter.networks]
        number += 1
    clear = [band for band in bands if band is not None]
    whole = len(clear) < len(bands)
    band = tuple(max(sides) for sides in zip(*clear, strict=True))
    return PaddingEffect(number, share, None if whole else band)


def _labels(segmenter: Segmenter, image: np.ndarray, size: Size) -> np.ndarray:
    height, width = image.shape[:2]
    pixels = np.empty((1, *size, image.shape[2]), image.dtype)
    pixels[:] = segmenter.spec.mean_color
    pixels[0, :height, :width] = image
    return segmenter.segment(pixels)[0][0, :height, :width]


def _band(network: tuple[ImageNetwork, Any], own: Size, padded: Size) -> Size | None:
    """Returns the rows and columns that can change, counted from the border.

    The result is None if all labels can change.
    """
    sides = []
    found = [_reach(*network, size) for size in (own, padded)]
    for axis, name in enumerate(("rows", "columns")):
        lines = [getattr(one, name) for one in found]
        sides.append(0 if own[axis] == padded[axis] else _changed(*lines, own[axis]))
    whole = any(side >= length for side, length in zip(sides, own, strict=True))
    return None if whole else tuple(sides)


def _reach(network: ImageNetwork, variables: Any, size: Size) -> Any:
    spec = network.spec
    image = jax.ShapeDtypeStruct((1, *size, spec.channels), spec.image_dtype)
    shapes = jax.eval_shape(lambda: variables)
    return reach(lambda pixels, v: network.logits(v, pixels), image, shapes)


def _changed(exact: Lines, padded: Lines, length: int) -> int:
    """Returns how many lines of the image, counted from its end, can change.

    A line can change if it reads other lines of the image than before, or padding.
    """
    before, now = exact.mask, padded.mask[:length]
    changed = now[:, length:].any(1) | (now[:, :length] != before).any(1)
    return length - int(np.argmax(changed)) if changed.any() else 0
