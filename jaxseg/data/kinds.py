"""Decides which pixel formats the reader accepts.

The table in `jaxseg.data.reader` shows how each format is read or refused.
"""

from __future__ import annotations

from PIL import Image

from jaxseg.data.refused import Refused
from jaxseg.data.stored_form import Form

WIDE = (
    "I",
    "I;16",
    "I;16B",
    "I;16L",
    "I;16N",
    "F",
)  # Modes with more than 8 bits per value.
CLASSES = ("L", "P", "1", "I", "I;16", "I;16B", "I;16L", "I;16N")
RGB_MASK = "The file is an RGB mask, but an index mask is expected"
INDEX_REMEDY = "Save it with one channel that contains class numbers, with 255 for void"
_8_BIT = "Save it as 8-bit gray or RGB"


def check(form: Form, *, mask: bool):
    """Raises `Refused` if the reader does not accept files of this pixel format.

    Args:
      form: The pixel format of the file.
      mask: Whether the file is a mask.
    """
    _check_common(form)
    if mask:
        _check_mask(form)
    elif form.mode in ("LAB", "La", "RGBa", "HSV"):
        raise Refused(
            f"The colors are stored as {form.mode}, but RGB is expected",
            "Save the file as 8-bit RGB",
        )
    elif form.mode in WIDE and form.white_is_zero:
        raise Refused(
            f"Zero is white in the {form.bits}-bit gray values of the file",
            "Invert the values and save them with black as zero",
        )


def _check_common(form: Form):
    if form.channels > Image.getmodebands(form.mode) or form.unnamed:
        raise Refused(
            f"The file has {form.channels} channels: expected gray or RGB",
            _8_BIT,
        )
    if form.bits > 8 and form.mode not in WIDE:
        raise Refused(
            f"The file has {form.bits} bits per channel: expected 8",
            _8_BIT,
        )
    if form.signed and form.bits == 8:
        raise Refused(
            "The 8-bit values of the file are signed", "Save it with values 0 to 255"
        )
    if form.premultiplied:
        raise Refused(
            "The colors of the file are multiplied by its alpha channel", _8_BIT
        )
    if form.scaled:
        raise Refused(
            "The file defines a maximum pixel value other than 255 and 65535",
            "Save it as PNG",
        )


def _check_mask(form: Form):
    if form.mode in ("RGB", "RGBA", "RGBX") and not form.may_be_gray:
        raise Refused(RGB_MASK, INDEX_REMEDY)
    if form.mode not in CLASSES and not form.may_be_gray:
        raise Refused(
            f"The file is a mask of mode {form.mode!r}, but an index mask is expected",
            INDEX_REMEDY,
        )
    if form.white_is_zero:
        raise Refused(
            "Zero is white in the mask, so class numbers could be inverted",
            "Save it as PNG",
        )
