"""Decodes the images and masks of tensorflow_datasets builders.

Pixel formats are accepted, converted or refused by the rules of `jaxseg.data.reader`.

Differs: Orientation tags are not applied, because tensorflow_datasets does not apply
them, and its masks match the stored pixels of the images.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from PIL import Image

from jaxseg.data import kinds, rasters, tiles
from jaxseg.data.pixel_type import PixelType, keep_channels
from jaxseg.data.pixel_values import to_classes, to_rgb
from jaxseg.data.refused import Refused
from jaxseg.data.stored_form import Form, form_of
from jaxseg.text import printable


def decode_image(data: bytes, place: str, max_pixels: int) -> np.ndarray:
    """Decodes a gray or color image to RGB.

    Args:
      data: The stored bytes.
      place: The name of the example, for error messages.
      max_pixels: The largest number of pixels; larger images are refused.

    Returns:
      Uint8 [H, W, 3].

    Raises:
      ValueError: If the image is damaged, too large, or does not have 8 bits per
        channel.
    """
    if tiles.is_tiled(data):
        pixels = _decode_tiles(data, place, max_pixels)
        return np.broadcast_to(pixels, (*pixels.shape[:2], 3)).copy()
    with _opened(data, place, max_pixels, mask=False) as (image, form):
        image.load()
        return to_rgb(image, form, None)


def check_array(values: np.ndarray, place: str, kept: PixelType) -> np.ndarray:
    """Returns a decoded image with only those channels that the network reads.

    Args:
      values: The pixels with all S stored channels, [H, W, S].
      place: The name of the example, for error messages.
      kept: The channels that the network reads, and the type of the pixels.

    Raises:
      ValueError: If a value is not finite.
    """
    try:
        return keep_channels(values, kept)
    except Refused as error:
        raise ValueError(f"{place}: The image is refused. {error}") from error


def encoded_image(data: bytes, place: str, max_pixels: int) -> bytes:
    """Encodes an image as an RGB PNG or JPEG that all decoders decode to equal pixels.

    Args:
      data: The stored bytes.
      place: The name of the example, for error messages.
      max_pixels: The largest number of pixels; larger images are refused.

    Returns:
      The bytes of a PNG or JPEG file.
    """
    if tiles.is_tiled(data):
        return rasters.encode_png(decode_image(data, place, max_pixels))
    with _opened(data, place, max_pixels, mask=False) as (image, form):
        if image.format in ("PNG", "JPEG") and image.mode == "RGB":
            return data
        image.load()
        return rasters.encode_png(to_rgb(image, form, None))


def decode_mask(data: Any, place: str, max_pixels: int) -> np.ndarray:
    """Decodes a mask.

    Args:
      data: The stored bytes, or integers [H, W] or [H, W, 1].
      place: The name of the example, for error messages.
      max_pixels: The largest number of pixels; larger masks are refused.

    Returns:
      Integers [H, W].

    Raises:
      ValueError: If the mask is damaged, too large, in color or of a lossy format.
    """
    if isinstance(data, np.ndarray):
        return data[..., 0] if data.ndim == 3 else data
    if tiles.is_tiled(data):
        return _decode_tiles(data, place, max_pixels)[..., 0]
    with _opened(data, place, max_pixels, mask=True) as (image, form):
        if image.format not in ("PNG", "BMP", "GIF", "TIFF", "PPM"):
            raise ValueError(
                f"{place}: The mask is stored as {image.format}, whose compression can "
                "change values: expected PNG. Build the dataset with "
                "encoding_format='png'."
            )
        image.load()
        return to_classes(image, form)


def check_image(data: bytes, place: str, max_pixels: int) -> tuple[int, int]:
    """Checks the header of an image and returns its (H, W).

    Args:
      data: The stored bytes.
      place: The name of the example, for error messages.
      max_pixels: The largest number of pixels; larger images are refused.

    Raises:
      ValueError: If the header shows that `decode_image` would refuse the image.
    """
    if tiles.is_tiled(data):
        return _checked_size(tiles.read_tile_header(data).size, max_pixels, place)
    with _opened(data, place, max_pixels, mask=False) as (image, form):
        if form.mode in kinds.WIDE:
            raise ValueError(
                f"{place}: The image has {form.bits} bits per channel: expected 8. "
                "Store the image with 8 bits per channel."
            )
        return image.height, image.width


def _decode_tiles(data: bytes, place: str, max_pixels: int) -> np.ndarray:
    """Decodes tiles that jaxseg has stored, [H, W, C]."""
    _checked_size(tiles.read_tile_header(data).size, max_pixels, place)
    pixels = tiles.decode(data)
    return pixels if pixels.ndim == 3 else pixels[..., None]


def _checked_size(
    size: tuple[int, int], max_pixels: int, place: str
) -> tuple[int, int]:
    if size[0] * size[1] > max_pixels:
        raise ValueError(
            f"{place}: The image is refused. {_too_large(size, max_pixels)}"
        )
    return size


def _too_large(size: tuple[int, int], max_pixels: int) -> Refused:
    height, width = size
    return Refused(
        f"The image has {height} x {width} pixels, more than "
        f"data.max_pixels={max_pixels}",
        f"If you trust the dataset, pass --data.max-pixels {height * width}",
    )


@contextlib.contextmanager
def _opened(
    data: bytes, place: str, max_pixels: int, *, mask: bool
) -> Iterator[tuple[Image.Image, Form]]:
    """Opens stored bytes and checks the kind of their pixels."""
    what = "mask" if mask else "image"
    try:
        with rasters.opened(data) as image:
            if image.height * image.width > max_pixels:
                raise _too_large((image.height, image.width), max_pixels)
            form = form_of(image)
            kinds.check(form, mask=mask)
            yield image, form
    except Refused as error:
        raise ValueError(f"{place}: The {what} is refused. {error}") from error
    except ValueError as error:
        if str(error).startswith(place):
            raise
        raise ValueError(_damaged(place, what, error)) from error
    except OSError as error:
        raise ValueError(_damaged(place, what, error)) from error


def _damaged(place: str, what: str, error: Exception) -> str:
    return f"{place}: The {what} is damaged ({printable(error)})."
