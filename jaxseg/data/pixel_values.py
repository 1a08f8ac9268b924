"""Converts decoded pixels to RGB colors or to class indices."""

from __future__ import annotations

import numpy as np
from PIL import Image

from jaxseg.data.kinds import INDEX_REMEDY, RGB_MASK, WIDE
from jaxseg.data.pixel_type import PixelType, chosen_type, keep_channels
from jaxseg.data.read_options import ReadOptions
from jaxseg.data.refused import Refused, UnknownRange
from jaxseg.data.stored_form import Form

# Modes whose channels are kept, and their numbers of channels and of alpha channels.
_SAMPLES = {"1": (1, 0), "L": (1, 0), "LA": (2, 1), "RGB": (3, 0), "RGBA": (4, 1)}
_STEPS = {"L;2": 85, "L;4": 17}  # Pillow scales these gray values by this factor.


def to_classes(image: Image.Image, form: Form) -> np.ndarray:
    """Returns the pixel values of a mask without conversion.

    Args:
      image: The decoded mask.
      form: The pixel format of the file.

    Returns:
      Integers [H, W], uint8 or wider.

    Raises:
      Refused: If the mask has colors.
    """
    values = np.asarray(image)
    step = _STEPS.get(form.raw[:3], 1)
    if form.mode == "1":
        return values.astype(np.uint8)
    if form.gif and _all_gray(image):
        return np.asarray(image.convert("L"))
    if form.may_be_gray:
        if (values != values[..., :1]).any():
            raise Refused(RGB_MASK, INDEX_REMEDY)
        return np.ascontiguousarray(values[..., 0])
    return _whole(values, form) if step == 1 else values // step


def _all_gray(image: Image.Image) -> bool:
    """Returns whether all colors of a palette are gray.

    A GIF has no other way to store gray values.
    """
    palette = image.mode == "P" and np.array(image.getpalette("RGB")).reshape(-1, 3)
    return palette is not False and bool((palette == palette[:, :1]).all())


def to_rgb(
    image: Image.Image, form: Form, bounds: tuple[float, float] | None
) -> np.ndarray:
    """Converts the pixels of an image to RGB.

    Args:
      image: The decoded image.
      form: The pixel format of the file.
      bounds: The pixel values that become 0 and 255, for gray values of more than 8
        bits.

    Returns:
      Uint8 [H, W, 3].

    Raises:
      Refused: If `bounds` is None for gray values of more than 8 bits, or a value is
        not finite.
    """
    if form.mode in WIDE:
        gray = _scaled(_whole(np.asarray(image), form), form, bounds)
        return np.repeat(gray[..., None], 3, axis=2)
    image.info.pop("transparency", None)  # Otherwise Pillow warns that it is dropped.
    return np.asarray(image.convert("RGB"))


def stored_type(image: Image.Image, form: Form, options: ReadOptions) -> PixelType:
    """Returns the number of channels and the type of the result of `to_stored`.

    Args:
      image: The open image.
      form: The pixel format of the file.
      options: The options of the reader.

    Raises:
      Refused: If the type is not supported, or the number of channels not allowed.
    """
    if form.mode in WIDE:
        bits = 16 if image.format == "PPM" else form.bits
        name = ("int" if form.signed else "uint") + str(max(bits, 16))
        dtype = np.dtype("float32" if form.mode == "F" else name)
        return chosen_type(1, dtype, options)
    samples, alpha = _SAMPLES.get(form.mode, (3, 0))
    return chosen_type(samples, np.dtype(np.uint8), options, alpha=alpha)


def to_stored(image: Image.Image, form: Form, kept: PixelType) -> np.ndarray:
    """Returns the pixels of an image without converting their type.

    Args:
      image: The decoded image.
      form: The pixel format of the file.
      kept: The number of channels and the type of the result, from `stored_type`.

    Returns:
      The pixels, [H, W, C].

    Raises:
      Refused: If a value is not finite.
    """
    if form.mode not in (*WIDE, *_SAMPLES):
        image = image.convert("RGB")
    values = np.asarray(image.convert("L") if form.mode == "1" else image)
    values = values if values.ndim == 3 else values[..., None]
    return keep_channels(values, kept)


def _whole(values: np.ndarray, form: Form) -> np.ndarray:
    """Returns the values with their stored sign.

    Pillow keeps unsigned 32-bit values as signed ones.
    """
    unsigned = form.bits == 32 and form.mode == "I" and not form.signed
    return values.view(np.uint32) if unsigned else values


def _scaled(
    values: np.ndarray, form: Form, bounds: tuple[float, float] | None
) -> np.ndarray:
    if bounds is None:
        kind = "floating-point" if form.mode == "F" else f"{form.bits}-bit gray"
        found = f"{values.min():g} to {values.max():g}"
        raise UnknownRange(
            f"The range of the file's {kind} values (here {found}) is not known"
        )
    if not np.isfinite(values).all():
        raise Refused(
            "The file contains values that are not finite", "Replace these values"
        )
    if values.dtype.kind == "u" and values.dtype.itemsize == 2:
        return _to_bytes(np.arange(2**16), bounds)[
            values
        ]  # A lookup table needs less memory.
    return _to_bytes(values, bounds)


def _to_bytes(values: np.ndarray, bounds: tuple[float, float]) -> np.ndarray:
    low, high = bounds
    scaled = 255 * (values.astype(np.float64) - low) / (high - low)
    return np.clip(np.floor(scaled + 0.5), 0, 255).astype(np.uint8)
