"""Scales, crops and pads an image and its label at random, on the host.

The crop window is chosen first, and only this part of the image is resized. Up to
rounding, the result equals a crop of the whole resized image, but it costs less. The
image is resized bilinearly with half-pixel centers; if it shrinks, Pillow's filter
prevents aliasing. The label is resized by taking the nearest pixel, so void is not
mixed with other classes.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
from PIL import Image

from jaxseg.data.area import Area
from jaxseg.data.spec import VOID


@dataclasses.dataclass(frozen=True)
class Window:
    """Describes a crop of a resized image by the image's size and the crop's position.

    Pixels of the crop outside the resized image are padding.

    Attributes:
      scaled: The (H, W) of the whole resized image in pixels.
      offset: The (row, column) of the crop's first pixel in the resized image.
    """

    scaled: tuple[int, int]
    offset: tuple[int, int]


def sample_window(
    rng: np.random.Generator,
    size: tuple[int, int],
    *,
    crop: tuple[int, int],
    scale_range: tuple[float, float],
) -> Window:
    """Samples a crop window with a uniformly distributed scale and position.

    If the resized image is larger than the crop, the crop is inside the image. If it is
    smaller, the image is inside the crop. All positions are equally likely.

    Args:
      rng: The random number generator. Three numbers are drawn from it.
      size: The (H, W) of the image in pixels.
      crop: The (H, W) of the result in pixels.
      scale_range: The smallest and the largest scale factor.
    """
    scale = rng.uniform(*scale_range)
    scaled = tuple(max(1, int(side * scale + 0.5)) for side in size)
    slack = [large - small for large, small in zip(scaled, crop, strict=True)]
    offset = tuple(int(rng.integers(min(0, s), max(0, s) + 1)) for s in slack)
    return Window(scaled, offset)


def needed_area(
    window: Window, size: tuple[int, int], *, crop: tuple[int, int]
) -> Area:
    """Returns the area of the original image from which a crop window is computed.

    Args:
      window: The crop window in the resized image.
      size: The (H, W) of the image in pixels.
      crop: The (H, W) of the result in pixels.
    """
    rows, columns = (
        _read_range(_visible(window, crop, axis), size[axis], window.scaled[axis])
        for axis in (0, 1)
    )
    return Area(rows, columns, size)


def cut_image(
    image: np.ndarray,
    window: Window,
    *,
    crop: tuple[int, int],
    fill: Sequence[float],
    area: Area | None = None,
) -> np.ndarray:
    """Resizes an image and cuts the crop window out of it.

    Args:
      image: The whole image, [H, W, C], or its part `area`, as uint8, uint16 or
        float32.
      window: The crop window in the resized image.
      crop: The (H, W) of the result in pixels.
      fill: The value of padding in each channel.
      area: The part of the whole image that `image` contains. It must contain the
        result of `needed_area`. The default is the whole image.

    Returns:
      The crop, [*crop, C], of the type of the image. It does not depend on `area`.
    """
    out = np.empty((*crop, image.shape[-1]), image.dtype)
    out[:] = fill
    area = area or Area.whole(image.shape[:2])
    rows, columns = (_visible(window, crop, axis) for axis in (0, 1))
    (top, bottom), (left, right) = (
        [min(border * side / scaled, side) for border in borders]
        for borders, side, scaled in zip(
            (rows, columns), area.size, window.scaled, strict=True
        )
    )
    size = (columns[1] - columns[0], rows[1] - rows[0])
    part = _resized(image, size, box=(left, top, right, bottom), area=area)
    out[_place(rows, window, 0), _place(columns, window, 1)] = part
    return out


def _resized(
    image: np.ndarray, size: tuple[int, int], *, box: tuple[float, ...], area: Area
) -> np.ndarray:
    """Resizes a box of a whole image to a (width, height), in the type of the image.

    Pillow resizes 8-bit RGB as a whole and other images one channel at a time. Pixels
    of 16 bits are exact in float32.

    Args:
      image: The pixels of `area`.
      size: The (width, height) of the result.
      box: The (left, top, right, bottom) of the box in the whole image.
      area: The part of the whole image that `image` contains.
    """

    def resized(plane: np.ndarray) -> np.ndarray:
        whole = _in_place(Image.fromarray(plane), area)
        return np.asarray(whole.resize(size, Image.Resampling.BILINEAR, box=box))

    if image.dtype == np.uint8 and image.shape[-1] == 3:
        return resized(image)
    stored = np.uint8 if image.dtype == np.uint8 else np.float32
    planes = [
        np.ascontiguousarray(plane, stored) for plane in np.moveaxis(image, -1, 0)
    ]
    part = np.stack([resized(plane) for plane in planes], -1)
    if image.dtype == np.uint16:
        part = np.clip(np.floor(part + 0.5), 0, np.iinfo(np.uint16).max)
    return part.astype(image.dtype, copy=False)


def cut_label(
    label: np.ndarray,
    window: Window,
    *,
    crop: tuple[int, int],
    void: int = VOID,
    area: Area | None = None,
) -> np.ndarray:
    """Resizes a label and cuts the crop window out of it.

    Args:
      label: The labels of the whole image, integers [H, W], or of its part `area`.
      window: The crop window in the resized image.
      crop: The (H, W) of the result in pixels.
      void: The ignore index, the value of padding.
      area: The part of the whole label that `label` contains, as in `cut_image`.

    Returns:
      The labels of the crop, [*crop], of the type of the label.
    """
    out = np.full(crop, void, label.dtype)
    rows, columns = (_visible(window, crop, axis) for axis in (0, 1))
    area = area or Area.whole(label.shape)
    row = nearest(np.arange(*rows), area.size[0], window.scaled[0]) - area.rows[0]
    column = nearest(np.arange(*columns), area.size[1], window.scaled[1])
    part = label[row[:, None], column - area.columns[0]]
    out[_place(rows, window, 0), _place(columns, window, 1)] = part
    return out


def nearest(target: np.ndarray, source_side: int, target_side: int) -> np.ndarray:
    """Returns the source pixel that contains the center of each target pixel.

    The formula is floor((target + 1/2) * source_side / target_side), in integer
    arithmetic.

    Args:
      target: Integer positions of target pixels.
      source_side: The number of source pixels.
      target_side: The number of target pixels.

    >>> nearest(np.arange(4), 2, 4)
    array([0, 0, 1, 1])
    """
    return (2 * target + 1) * source_side // (2 * target_side)


def _visible(window: Window, crop: tuple[int, int], axis: int) -> tuple[int, int]:
    """Returns the first and last + 1 pixel of the resized image inside the crop."""
    start = window.offset[axis]
    return max(start, 0), min(start + crop[axis], window.scaled[axis])


def _read_range(visible: tuple[int, int], side: int, scaled: int) -> tuple[int, int]:
    """Returns the source pixels of a range of target pixels and of Pillow's filter.

    The filter reads up to max(1, side / scaled) source pixels beyond the range. One
    more pixel allows for rounding.
    """
    ratio = side / scaled
    margin = math.ceil(max(1.0, ratio)) + 1
    start, stop = (border * ratio for border in visible)
    return max(0, math.floor(start) - margin), min(side, math.ceil(stop) + margin)


def _in_place(part: Image.Image, area: Area) -> Image.Image:
    """Returns an image of the whole size that contains a part in its place.

    The other pixels are neither set nor read. Pillow computes the weights of its filter
    from positions in the whole image, so that an image of the part alone could yield
    pixels that differ by one because of rounding.
    """
    if area.is_whole:
        return part
    whole = Image.new(part.mode, area.size[::-1], None)
    whole.paste(part, (area.columns[0], area.rows[0]))
    return whole


def _place(visible: tuple[int, int], window: Window, axis: int) -> slice:
    start = window.offset[axis]
    return slice(visible[0] - start, visible[1] - start)
