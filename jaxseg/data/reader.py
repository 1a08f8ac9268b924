"""Reads image and mask files for training, evaluation, prediction and all tools.

`read_pixels` converts a file to pixels and `read_size` reads its size. Nothing else in
jaxseg opens an image file. A file that 8-bit RGB (or a map of class numbers) cannot
represent is refused with a one-line error that states the file, the reason and the
remedy. The decisions are:

    kind of file                            as an image           as a mask
    --------------------------------------  --------------------  ---------------------
    8-bit gray                              three equal channels  values are classes
    8-bit RGB                               as stored             refused
    gray in a WebP, which stores it as RGB  three equal channels  values are classes
    1-, 2- and 4-bit gray                   scaled to 0..255      values as stored
    palette (1 to 8 bits)                   its colors            indices are classes
    gray palette in a GIF                   its colors            grays are classes
    with an alpha channel                   alpha is dropped      refused
    colors multiplied by alpha              refused               refused
    CMYK and YCbCr, 8-bit                   Pillow's RGB          refused
    CIELAB                                  refused               refused
    gray of 12, 16 or 32 bits               `data.range`          values are classes
    floating point                          `data.range`          refused
    RGB of 16 bits, signed 8-bit gray       refused               refused
    more channels (R, G, B, infrared)       refused               refused
    several pages, or an animation          refused               refused
    TIFF in which zero is white             as shown (8 bits)     refused

`data.range` states the values that become black and white. A value v becomes
round(255 (v - low) / (high - low)), clipped to 0..255. Without a range these kinds are
refused, because an 8-bit, a 12-bit and a 16-bit recording look alike in their files. A
range does not change images of 8 bits. Color profiles are not applied.

Cameras and scanners store an orientation tag that states how a picture is rotated or
mirrored (EXIF in JPEG, PNG and WebP, a TIFF tag, otherwise XMP). The reader applies the
tag to images and masks, so both are as an annotator saw them. All sizes are those of
the picture after the tag is applied.

A TIFF may have more pages only if they repeat the first one at a lower resolution.
Layouts of published stacks name one of its pages by `jaxseg.data.parts.Page`. Of a
multi-picture JPEG (MPO), which many phones write, the first picture is read. The others
are its previews and gain maps. A PPM may be compressed as a whole (`.ppm.gz`).
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import os
import pathlib
import threading
import warnings
from collections.abc import Iterator
from typing import IO

import numpy as np
from PIL import Image

from jaxseg.config import DataConfig
from jaxseg.data import kinds, orientation, pillow_limit
from jaxseg.data.files import shown
from jaxseg.data.header import Header
from jaxseg.data.open_file import FORMATS, is_compressed, open_file, reason
from jaxseg.data.parts import Page
from jaxseg.data.pixel_values import to_classes, to_rgb
from jaxseg.data.refused import Refused
from jaxseg.data.stored_form import check_file, form_of, is_lossy

VERSION = 2  # Increase it when a file gives other pixels.
MAX_PIXELS = 178_956_970  # Pillow suspects an attack beyond this size, too.
_WARNINGS = threading.Lock()  # Python catches warnings of one thread at a time.


@dataclasses.dataclass(frozen=True)
class ReadOptions:
    """Contains the options for reading an image file.

    Attributes:
      range: The pixel values that become 0 and 255 in images of more than 8 bits.
      max_pixels: The largest number of pixels. Larger images are refused before they
        are decoded.

    Raises:
      ValueError: If a value is out of bounds.
    """

    range: tuple[float, float] | None = None
    max_pixels: int = MAX_PIXELS

    def __post_init__(self):
        low, high = self.range or (0.0, 1.0)
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise ValueError(
                f"data.range={self.range} is invalid: expected two finite values with "
                "the lower one first, such as 0 65535."
            )
        if self.range is not None:  # Equal options need one form for the fingerprint.
            object.__setattr__(self, "range", (float(low), float(high)))
        if self.max_pixels < 1:
            raise ValueError(
                f"data.max_pixels={self.max_pixels} is invalid: expected at least 1."
            )


DEFAULTS = ReadOptions()


def options_of(config: DataConfig) -> ReadOptions:
    """Returns the reading options that the data options of a run contain."""
    return ReadOptions(range=config.range, max_pixels=config.max_pixels)


def read_pixels(
    path: str | os.PathLike, options: ReadOptions = DEFAULTS, *, mask: bool = False
) -> np.ndarray:
    """Reads the pixels of an image or mask file as a viewer shows them.

    Args:
      path: The file.
      options: The range and the limit. Pass those of the run, so that training and
        prediction see the same pixels.
      mask: If True, class numbers are read instead of colors.

    Returns:
      An image as uint8 [H, W, 3], or a mask as integers [H, W] of any type.

    Raises:
      ValueError: If the file is missing, damaged, too large, or of a kind that cannot
        be represented. The message is one line that states the file.
    """
    with _opened(path, options) as (image, header):
        form = form_of(image)
        kinds.check(form, mask=mask)
        image.load()
        image = orientation.turned(image, header.orientation, file_format=header.format)
        if (image.height, image.width) != header.size:
            raise Refused(
                f"Its header states the size {header.size}, but its pixels have the "
                f"size {(image.height, image.width)} (height, width)",
                "Save it again",
            )
        if mask:
            return to_classes(image, form)
        return to_rgb(image, form, options.range)


def read_header(path: str | os.PathLike, options: ReadOptions = DEFAULTS) -> Header:
    """Reads size, orientation and format of an image file without decoding its pixels.

    Args:
      path: The file.
      options: The range and the limit.

    Raises:
      ValueError: If the header shows that `read_pixels` would refuse the file.
    """
    with _opened(path, options) as (_, header):
        return header


def read_size(
    path: str | os.PathLike, options: ReadOptions = DEFAULTS
) -> tuple[int, int]:
    """Returns the (H, W) of the pixels that `read_pixels` returns.

    Args:
      path: The file.
      options: The range and the limit.

    Raises:
      ValueError: If the header shows that `read_pixels` would refuse the file.
    """
    return read_header(path, options).size


def count_pages(path: str | os.PathLike, options: ReadOptions = DEFAULTS) -> int:
    """Returns the number of pages of an image file.

    Args:
      path: The file.
      options: The range and the limit.

    Raises:
      ValueError: If the file cannot be read.
    """
    with _opened(Page(pathlib.Path(path), 0), options) as (image, _):
        return getattr(image, "n_frames", 1)


@contextlib.contextmanager
def _opened(
    path: str | os.PathLike, options: ReadOptions
) -> Iterator[tuple[Image.Image, Header]]:
    """Opens a file and checks its header. Every error names the file."""
    name, page = path, path.number if isinstance(path, Page) else None
    path = pathlib.Path(path)
    try:
        # With a path, Pillow would map the file and lose the sides of a rotated TIFF.
        with open_file(path) as file, pillow_limit.lifted:
            image, header = _start(file, path, options, page)
            with image:
                yield image, header
    except Refused as error:
        raise ValueError(f"{shown(name)}: {error}") from error
    except Exception as error:  # Pillow's decoders raise many undocumented errors.
        raise ValueError(f"{shown(name)}: {reason(error, path)}") from error


def _start(
    file: IO[bytes], path: pathlib.Path, options: ReadOptions, page: int | None
) -> tuple[Image.Image, Header]:
    """Opens an image and reads its header.

    Pillow continues with a warning if parts of a TIFF are outside of the file. Such a
    file is damaged. Unreadable EXIF data count as absent, as in viewers.
    """
    with _WARNINGS, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        image = Image.open(file, formats=FORMATS)
        if is_compressed(path) and image.format != "PPM":
            raise Refused(
                f"It is a compressed {image.format}, but only PPM files are read from "
                ".gz",
                "Decompress it by gunzip",
            )
        if page is not None:
            _turn_to(image, page)
        header = _header(image, path, options, check=page is None)
    texts = [str(each.message) for each in caught if each.category is UserWarning]
    missing = [text for text in texts if not text.startswith("Metadata Warning")]
    if image.format == "TIFF" and missing:
        raise Refused(f"It is damaged ({missing[0].strip()})", "Copy or save it again")
    return image, dataclasses.replace(header, clean=not caught)


def _turn_to(image: Image.Image, page: int):
    """Selects a page of a file."""
    count = getattr(image, "n_frames", 1)
    if not 0 <= page < count:
        raise Refused(f"It has {count} pages", "Copy it again")
    image.seek(page)


def _header(
    image: Image.Image, path: pathlib.Path, options: ReadOptions, *, check: bool
) -> Header:
    stored = orientation.stored_size(image)
    height, width = stored
    if height * width > options.max_pixels:
        raise Refused(
            f"Its {height} x {width} pixels are more than data.max_pixels="
            f"{options.max_pixels}",
            f"If you trust the file, pass --data.max-pixels {height * width}",
        )
    if height < 1 or width < 1:
        raise Refused("It has no pixels", "Remove it")
    if check:  # Otherwise the caller has chosen a page.
        check_file(image)
    mode, tag = image.mode, orientation.read_tag(image, path)
    return Header(
        size=(width, height) if orientation.swaps_sides(tag) else stored,
        stored_size=stored,
        orientation=tag,
        format=image.format or "",
        mode=mode,
        lossy=is_lossy(image, path),
    )
