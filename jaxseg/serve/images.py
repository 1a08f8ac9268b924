"""Reads the size of uploaded images, and writes error messages about uploads."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from jaxseg.data.files import shown
from jaxseg.data.read_options import ReadOptions
from jaxseg.data.reader import read_size
from jaxseg.data.refused import UnknownRange
from jaxseg.serve.refusal import Refusal
from jaxseg.serve.upload import Upload
from jaxseg.text import as_message, printable
from jaxseg.typing import Size

UNLIMITED = 2**62  # More pixels than any file has; `check_pixels` applies the limit.


def checked_size(upload: Upload, field: str, options: ReadOptions) -> Size:
    """Returns the height and width of an uploaded image from its header.

    Args:
      upload: The received request.
      field: The name of the form field that contains the image.
      options: The options of the reader, with the largest number of pixels.

    Raises:
      Refusal: With the status 422 if the file is not an image that the reader accepts,
        or 413 if it has too many pixels.
    """
    try:
        wide = dataclasses.replace(options, max_pixels=UNLIMITED)
        size = read_size(upload.files[field], wide)
    except ValueError as error:
        raise Refusal(422, named(upload, error)) from error
    check_pixels(upload, field, size, options.max_pixels, "--max-pixels")
    return size


def check_pixels(
    upload: Upload, field: str, size: Size, limit: int, option: str
) -> None:
    """Raises Refusal with the status 413 if an image has too many pixels.

    Args:
      upload: The received request.
      field: The name of the form field that contains the image.
      size: The height and width of the image.
      limit: The largest number of pixels.
      option: The option of the server that sets the limit.
    """
    height, width = size
    if height * width > limit:
        raise Refusal(
            413,
            f"{_name(upload, field)}: The image has {height} x {width} pixels, "
            f"expected at most {limit}. Make it smaller, or start the server with a "
            f"larger {option}.",
        )


def named(upload: Upload, error: Exception) -> str:
    """Returns the message of an error about a file of an upload.

    The name of the client's file replaces the path of the file on the server. Requests
    have no option for the range of pixel values. If that range is unknown, the message
    therefore asks for an image of 8 bits per channel.
    """
    text = " ".join(as_message(error).split())
    if isinstance(error.__cause__, UnknownRange):
        lead = text.removesuffix(as_message(error.__cause__))
        text = f"{lead}{error.__cause__.reason}. Send an image of 8 bits per channel."
    for field, path in upload.files.items():
        name = _name(upload, field)
        for form in (shown(path), repr(str(path)), str(path)):
            text = text.replace(form, name)
    return text


def _name(upload: Upload, field: str) -> str:
    return printable(Path(upload.names[field]).name or field)
