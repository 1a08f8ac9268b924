"""Reads the pixel format of an image file from its header.

Pillow converts some formats to 8 bits or fewer channels without a warning (16-bit
color, signed values, more than four channels), and reads others only in part. The
module `jaxseg.data.kinds` decides which pixel formats the reader accepts.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib

from PIL import Image

from jaxseg.data.refused import Refused

_REDUCED, _SUBFILE = 1, 254  # A TIFF page of lower resolution has this bit in this tag.
_LOSSY_TIFF = ("jpeg", "tiff_jpeg", "webp")


@dataclasses.dataclass(frozen=True)
class Form:
    """Describes the pixel format of an image file in more detail than Pillow's mode.

    Attributes:
      mode: Pillow's mode.
      raw: Pillow's name of the stored pixel format (raw mode), or "" if it has none.
      bits: The number of bits per value.
      channels: The number of stored channels.
      signed: Whether integers are signed.
      white_is_zero: Whether larger values are darker.
      premultiplied: Whether colors are multiplied by alpha.
      unnamed: Whether the file has a fourth channel without stating its meaning.
      scaled: Whether the decoder rescales the values, because the file states a maximum
        other than 255 or 65535.
      gif: Whether the file is a GIF, which stores gray values with a palette.
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

    @property
    def may_be_gray(self) -> bool:
        """Returns whether this is an RGB WebP file, which may store a gray picture."""
        return self.webp and self.mode == "RGB"


def form_of(image: Image.Image) -> Form:
    """Returns the pixel format of an image file, as a `Form`.

    Args:
      image: An open file that is not decoded yet.
    """
    tile = image.tile[0] if image.tile else None
    arguments = tile[3] if tile else ""
    raw = arguments if isinstance(arguments, str) else str(arguments[0])
    channels = len(image.getbands())
    form = Form(image.mode, raw=raw, bits=16 if ";16" in raw else 8, channels=channels)
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
    """Raises `Refused` for image files that Pillow would read wrongly or only in part.

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
        raise Refused(
            "The palette of the BMP has only gray values, and Pillow can misread such "
            "files",
            "Save it as PNG",
        )


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
      path: The path of this file.
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
