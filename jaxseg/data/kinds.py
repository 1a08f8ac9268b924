"""Decides which kinds of pixels the reader accepts, and how it converts them.

Pillow narrows some files silently (16-bit color, signed values, more than four
channels). The functions here find such files by their headers. The table in
`jaxseg.data.reader` lists the decision for each kind.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib

import numpy as np
from PIL import Image

WIDE = (
    "I",
    "I;16",
    "I;16B",
    "I;16L",
    "I;16N",
    "F",
)  # Modes with more than 8 bits per value.
CLASSES = ("L", "P", "1", "I", "I;16", "I;16B", "I;16L", "I;16N")
_REDUCED, _SUBFILE = 1, 254  # A TIFF page of lower resolution has this bit in this tag.
_STEPS = {"L;2": 85, "L;4": 17}  # Pillow scales these gray values by this factor.
_LOSSY_TIFF = ("jpeg", "tiff_jpeg", "webp")
_8_BIT = "Save it as 8-bit gray or RGB"
_INDEX = "Save it with one channel that contains class numbers, with 255 for void"


class Refused(ValueError):
    """Reports a file that cannot be represented.

    Args:
      reason: The reason as a sentence without a period.
      remedy: What the user can do, as a sentence without a period.
    """

    def __init__(self, reason: str, remedy: str):
        super().__init__(f"{reason}. {remedy}.")


@dataclasses.dataclass(frozen=True)
class Form:
    """Describes how a file stores its pixels, as far as Pillow's mode does not tell.

    Attributes:
      mode: Pillow's mode.
      raw: Pillow's name of the stored form, or "" if it has none.
      bits: The number of bits per value.
      channels: The number of stored channels.
      signed: Whether integers are signed.
      white_is_zero: Whether larger values are darker.
      premultiplied: Whether colors are multiplied by alpha.
      unnamed: Whether the meaning of a fourth channel is not stated.
      scaled: Whether the decoder stretches values of an uncommon range.
      gif: Whether the file is a GIF, which stores gray values by a palette.
      webp: Whether the file is a WebP, which stores gray values as colors.
    """

    mode: str
    raw: str
    bits: int
    channels: int
    signed: bool = False
    white_is_zero: bool = False
    premultiplied: bool = False
    unnamed: bool = False
    scaled: bool = False
    gif: bool = False
    webp: bool = False


def form_of(image: Image.Image) -> Form:
    """Returns the stored form of a file.

    Args:
      image: An open file that is not decoded yet.
    """
    tile = image.tile[0] if image.tile else None
    arguments = tile[3] if tile else ""
    raw = arguments if isinstance(arguments, str) else str(arguments[0])
    channels = len(image.getbands())
    form = Form(image.mode, raw, 16 if ";16" in raw else 8, channels)
    if image.format == "TIFF":
        return _tiff_form(image, form)
    if image.format == "GIF":
        return dataclasses.replace(form, gif=True)
    if image.format == "WEBP":
        return dataclasses.replace(form, webp=True)
    if image.format == "PPM":
        scaled = tile[0] == "ppm" or (
            tile[0] == "ppm_plain" and arguments[1:] != (255,)
        )
        zero_is_white = image.mode == "1"
        return dataclasses.replace(
            form, scaled=scaled and image.mode != "1", white_is_zero=zero_is_white
        )
    return form


def _tiff_form(image: Image.Image, form: Form) -> Form:
    tags = image.tag_v2
    samples = tags.get(277, form.channels)
    extra = tags.get(338, ())
    return dataclasses.replace(
        form,
        bits=max(tags.get(258, (1,))),
        channels=samples,
        signed=max(tags.get(339, (1,))) == 2,
        white_is_zero=tags.get(262) == 0,
        premultiplied=1 in extra,
        unnamed=form.mode == "RGBA" and not extra,
    )


def check_file(image: Image.Image):
    """Raises Refused for files that Pillow would read only in part, or wrongly.

    Args:
      image: An open file that is not decoded yet.
    """
    several = image.format != "MPO" and getattr(image, "is_animated", False)
    if several and image.format != "TIFF":
        raise Refused(
            f"The {image.format} file is an animation, but a single image is expected",
            "Save each frame as a separate file",
        )
    if several and _has_further_page(image):
        raise Refused(
            "The TIFF has several pages, but a single page is expected",
            "Save each page as a separate file",
        )
    if image.format == "GIF" and image.tile[0][1] != (0, 0, *image.size):
        raise Refused("The frame of the GIF is smaller than the GIF", "Save it as PNG")
    if (
        image.format == "BMP"
        and image.mode in ("1", "L")
        and _bmp_bits(image) != (1 if image.mode == "1" else 8)
    ):
        raise Refused("The palette of the BMP has only gray values", "Save it as PNG")


def _bmp_bits(image: Image.Image) -> int:
    """Returns the bits per pixel from the header.

    Pillow infers them from the palette, where they can differ.
    """
    image.fp.seek(14)
    head = image.fp.read(16)
    first = 10 if head[0] == 12 else 14  # The header has an older and a newer form.
    return int.from_bytes(head[first : first + 2], "little")


def _has_further_page(image: Image.Image) -> bool:
    """Returns whether a page follows that is not a smaller copy of the first one."""
    page = 1
    try:
        while True:
            image.seek(page)
            if not image.tag_v2.get(_SUBFILE, 0) & _REDUCED:
                return True
            page += 1
    except EOFError:
        return False
    finally:
        image.seek(0)


def is_lossy(image: Image.Image, path: pathlib.Path) -> bool:
    """Returns whether the compression of a file changes pixel values.

    Args:
      image: The open file.
      path: The path of the same file.
    """
    if image.format == "TIFF":
        return image.info.get("compression") in _LOSSY_TIFF
    if image.format == "WEBP":
        return _webp_is_lossy(path)
    return image.format in ("JPEG", "MPO")


def _webp_is_lossy(path: pathlib.Path) -> bool:
    """Returns whether a WebP stores its pixels in the lossy form."""
    with open(path, "rb") as file:
        file.seek(12)
        while len(start := file.read(8)) == 8:
            if start[:4] == b"VP8L":
                return False
            length = int.from_bytes(start[4:], "little")
            file.seek(length + length % 2, os.SEEK_CUR)
    return True


def check(form: Form, *, mask: bool):
    """Raises Refused for pixels that cannot be represented as an image or a mask.

    Args:
      form: The stored form of the file.
      mask: Whether the file is a mask.
    """
    _check_common(form)
    if mask:
        _check_mask(form)
    elif form.mode in ("LAB", "La", "RGBa", "HSV"):
        raise Refused(f"Its colors are stored as {form.mode}", "Save it as 8-bit RGB")
    elif form.mode in WIDE and form.white_is_zero:
        raise Refused(
            f"In its {form.bits}-bit gray values, zero is white",
            "Invert the values and save them with black as zero",
        )


def _check_common(form: Form):
    if form.channels > Image.getmodebands(form.mode) or form.unnamed:
        raise Refused(
            f"It has {form.channels} channels, but only gray or RGB would be read",
            _8_BIT,
        )
    if form.bits > 8 and form.mode not in WIDE:
        raise Refused(
            f"It has {form.bits} bits per channel, but only 8 would be read",
            _8_BIT,
        )
    if form.signed and form.bits == 8:
        raise Refused("Its 8-bit values are signed", "Save it with values 0 to 255")
    if form.premultiplied:
        raise Refused("Its colors are multiplied by its alpha channel", _8_BIT)
    if form.scaled:
        raise Refused("Its largest value is neither 255 nor 65535", "Save it as PNG")


def _check_mask(form: Form):
    if form.mode in ("RGB", "RGBA", "RGBX") and not _may_be_gray(form):
        raise Refused("It is an RGB mask where an index mask is expected", _INDEX)
    if form.mode not in CLASSES and not _may_be_gray(form):
        raise Refused(
            f"It is a mask of mode {form.mode!r} where an index mask is expected",
            _INDEX,
        )
    if form.white_is_zero:
        raise Refused(
            "It is a mask in which zero is white, so class numbers could be inverted",
            "Save it as PNG",
        )


def _may_be_gray(form: Form) -> bool:
    """Returns whether RGB pixels may stand for gray ones, as in a WebP."""
    return form.webp and form.mode == "RGB"


def to_classes(image: Image.Image, form: Form) -> np.ndarray:
    """Returns the class numbers of a mask as they are stored.

    Args:
      image: The decoded mask.
      form: The stored form of the file.

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
    if _may_be_gray(form):
        if (values != values[..., :1]).any():
            raise Refused("It is an RGB mask where an index mask is expected", _INDEX)
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
    """Returns the colors of an image.

    Args:
      image: The decoded image.
      form: The stored form of the file.
      bounds: The values of black and white, for gray values of more than 8 bits.

    Returns:
      Uint8 [H, W, 3].

    Raises:
      Refused: If gray values of more than 8 bits have no bounds or are not finite.
    """
    if form.mode in WIDE:
        gray = _scaled(_whole(np.asarray(image), form), form, bounds)
        return np.repeat(gray[..., None], 3, axis=2)
    image.info.pop("transparency", None)  # Otherwise Pillow warns that it is dropped.
    return np.asarray(image.convert("RGB"))


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
        raise Refused(
            f"The range of its {kind} values (here {found}) is not known",
            "Pass the values of black and white by --data.range LOW HIGH, such as "
            "0 65535 for the full range of 16 bits",
        )
    if not np.isfinite(values).all():
        raise Refused("It contains values that are not finite", "Replace these values")
    if values.dtype.kind == "u" and values.dtype.itemsize == 2:
        return _to_bytes(np.arange(2**16), bounds)[
            values
        ]  # A lookup table needs less memory.
    return _to_bytes(values, bounds)


def _to_bytes(values: np.ndarray, bounds: tuple[float, float]) -> np.ndarray:
    low, high = bounds
    scaled = 255 * (values.astype(np.float64) - low) / (high - low)
    return np.clip(np.floor(scaled + 0.5), 0, 255).astype(np.uint8)
