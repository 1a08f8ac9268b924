"""Reads image and mask files for training, evaluation, prediction and all tools.

`read_pixels` converts a file to pixels and `read_size` reads its size. Nothing else in
jaxseg opens an image file. A file that cannot be represented is refused with a one-line
error that states the file, the reason and the remedy.

The option `data.pixels` determines how images that are not 8-bit gray or RGB are read.
With "stored", they keep their type and their channels (`jaxseg.data.pixel_type`). With
"rgb8", they become 8-bit RGB or are refused. The decisions are:

    kind of file                            image, rgb8           image, stored
    --------------------------------------  --------------------  ---------------------
    8-bit gray                              three equal channels  three equal channels
    8-bit RGB                               as stored             as stored
    1-, 2- and 4-bit gray                   scaled to 0..255      scaled to 0..255
    palette (1 to 8 bits)                   its colors            its colors
    with an alpha channel                   alpha is dropped      alpha is dropped
    colors multiplied by alpha              refused               refused
    CMYK and YCbCr, 8-bit                   Pillow's RGB          Pillow's RGB
    CIELAB                                  refused               refused
    gray of 12 or 16 bits                   `data.range`          uint16, one channel
    gray of 32-bit integers                 `data.range`          refused
    floating point of 32 bits               `data.range`          float32
    RGB of 16 bits                          refused               uint16
    more channels (TIFF: R, G, B, infrared) refused               1 to 32 channels
    NPY, NPZ, slices of NIfTI               8-bit only            1 to 32 channels
    signed integers                         refused               refused
    several pages, or an animation          refused               refused
    TIFF in which zero is white             as shown (8 bits)     as shown (8 bits)

With `data.channels=1`, 8-bit gray stays one channel. Any other value of `data.channels`
must equal the number of channels in the file, with or without alpha.

Masks have one channel of integers, or a palette whose indices are the classes. Colors,
alpha, floating point and inverted gray are refused in masks. Gray values of fewer than
8 bits are not scaled. In a gray GIF or WebP, the gray values are the classes.

With "rgb8", `data.range` states the values that become black and white. A value v
becomes round(255 (v - low) / (high - low)), clipped to 0..255. The kinds that need
`data.range` in the table are refused without it. It does not change 8-bit images.
With "stored", the network maps `data.range` to [0, 1]; the default of `data.range` is
the full range of the pixel type. Color profiles are not applied.

Cameras and scanners store an orientation tag that states how a picture is rotated or
mirrored. It is in the EXIF data of JPEG, PNG and WebP files, in a tag of TIFF files, or
else in XMP data. The reader applies the tag to images and masks, so both are as an
annotator saw them. All sizes are those of the picture after the tag is applied.

`open_boxes` reads TIFF and NPY files of any size in boxes. It reads and refuses the
same kinds of pixels, and also refuses an orientation tag and, in a TIFF, palettes and
inverted gray.

A TIFF may have more pages only if they repeat the first one at a lower resolution.
From other stacks, a `jaxseg.data.parts.Page` selects the page to read. Many phones
write multi-picture JPEG files (MPO). The first picture of such a file is read; the
others are its previews and gain maps. A PPM may be compressed as a whole (`.ppm.gz`).
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
import threading
import warnings
from collections.abc import Iterator
from typing import IO

import numpy as np
from PIL import Image

from jaxseg.data import kinds, orientation, pillow_limit
from jaxseg.data.header import Header
from jaxseg.data.large.image import LargeImage, can_be_large, open_large
from jaxseg.data.named_errors import naming
from jaxseg.data.open_file import FORMATS, is_compressed, open_file, require_file
from jaxseg.data.parts import Page
from jaxseg.data.pixel_type import RGB8
from jaxseg.data.pixel_values import stored_type, to_classes, to_rgb, to_stored
from jaxseg.data.read_options import DEFAULTS as DEFAULTS
from jaxseg.data.read_options import MAX_PIXELS as MAX_PIXELS
from jaxseg.data.read_options import ReadOptions as ReadOptions
from jaxseg.data.read_options import options_of as options_of
from jaxseg.data.refused import Refused
from jaxseg.data.stored_form import check_file, form_of, is_lossy
from jaxseg.data.wide.opened import Stored
from jaxseg.data.wide.opening import open_wide

VERSION = 2  # Increase it when a file gives other pixels.
_WARNINGS = threading.Lock()  # Python catches warnings of one thread at a time.


def read_pixels(
    path: str | os.PathLike, options: ReadOptions = DEFAULTS, *, mask: bool = False
) -> np.ndarray:
    """Reads the pixels of an image or mask file as a viewer shows them.

    Args:
      path: The file.
      options: The options of the reader. Pass those of the run, so that training and
        prediction see the same pixels.
      mask: If True, class numbers are read instead of colors.

    Returns:
      An image as uint8 [H, W, 3], or as uint8, uint16 or float32 [H, W, C] with
        `data.pixels="stored"`. A mask as integers [H, W] of any type.

    Raises:
      ValueError: If the file is missing, damaged, too large, or of a kind that cannot
        be represented. The message is one line that states the file.
    """
    with naming(path):
        wide = _wide(path, options, mask=mask)
        if wide is not None:
            return wide.mask(options) if mask else wide.image(options)
    with _opened(path, options, mask=mask) as (image, header):
        form = form_of(image)
        kinds.check(form, mask=mask)
        image.load()
        image = orientation.turned(image, header.orientation, file_format=header.format)
        if (image.height, image.width) != header.size:
            raise Refused(
                f"The header states the size {header.size}, but the pixels have the "
                f"size {(image.height, image.width)} (height, width)",
                "Save the image with another program",
            )
        if mask:
            return to_classes(image, form)
        if options.pixels == "rgb8" or header.pixels == RGB8:
            return to_rgb(image, form, options.range)
        return to_stored(image, form, header.pixels)


def read_header(
    path: str | os.PathLike, options: ReadOptions = DEFAULTS, *, mask: bool = False
) -> Header:
    """Returns the properties of an image, such as its size, without decoding pixels.

    Args:
      path: The file.
      options: The options of the reader, such as the largest number of pixels.
      mask: Whether the file contains class numbers instead of colors.

    Raises:
      ValueError: If the header shows that `read_pixels` would refuse the file.
    """
    with naming(path):
        wide = _wide(path, options, mask=mask)
        if wide is not None:
            return wide.header(options, mask=mask)
    with _opened(path, options, mask=mask) as (_, header):
        return header


def read_size(
    path: str | os.PathLike, options: ReadOptions = DEFAULTS
) -> tuple[int, int]:
    """Returns the (H, W) in pixels of an image file, as `read_pixels` returns it.

    Args:
      path: The file.
      options: The options of the reader, such as the largest number of pixels.

    Raises:
      ValueError: If the header shows that `read_pixels` would refuse the file.
    """
    return read_header(path, options).size


def open_boxes(
    path: str | os.PathLike, options: ReadOptions = DEFAULTS
) -> LargeImage | None:
    """Opens an image file of any size. Its pixels are read on demand, in boxes.

    Args:
      path: The file.
      options: The options of the reader. The largest number of pixels does not apply,
        because only a few boxes are in memory.

    Returns:
      The open file, which the caller closes, or None if it is neither a TIFF nor an
      NPY file. A box has the pixels that `read_pixels` returns.

    Raises:
      ValueError: If the header shows that the file cannot be read in boxes.
    """
    plain = pathlib.Path(path)
    if not can_be_large(plain):
        return None
    with naming(path):
        require_file(plain)
        return open_large(plain, options)


def count_pages(path: str | os.PathLike, options: ReadOptions = DEFAULTS) -> int:
    """Returns the number of pages of an image file.

    Args:
      path: The file.
      options: The options of the reader, such as the largest number of pixels.

    Raises:
      ValueError: If the file cannot be read.
    """
    with _opened(Page(pathlib.Path(path), 0), options) as (image, _):
        return getattr(image, "n_frames", 1)


@contextlib.contextmanager
def _opened(
    path: str | os.PathLike, options: ReadOptions, *, mask: bool = False
) -> Iterator[tuple[Image.Image, Header]]:
    """Opens a file by Pillow and checks its header. Every error names the file."""
    page = path.number if isinstance(path, Page) else None
    plain = pathlib.Path(path)
    # With a path, Pillow would map the file and lose the sides of a rotated TIFF.
    with naming(path), open_file(plain) as file, pillow_limit.lifted:
        image, header = _start(file, plain, options, page)
        with image:
            if options.pixels == "stored" and not mask:
                kept = stored_type(image, form_of(image), options)
                header = dataclasses.replace(header, pixels=kept)
            yield image, header


def _wide(
    path: str | os.PathLike, options: ReadOptions, *, mask: bool
) -> Stored | None:
    """Opens a file that Pillow does not read completely, or returns None."""
    page = path.number if isinstance(path, Page) else None
    plain = pathlib.Path(path)
    require_file(plain)
    return open_wide(plain, page, options, mask=mask)


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
                f"The file is a compressed {image.format}, but only PPM files are "
                "read from .gz",
                "Decompress it with gunzip",
            )
        if page is not None:
            _turn_to(image, page)
        header = _header(image, path, options, check=page is None)
    texts = [str(each.message) for each in caught if each.category is UserWarning]
    missing = [text for text in texts if not text.startswith("Metadata Warning")]
    if image.format == "TIFF" and missing:
        raise Refused(
            f"The file is damaged ({missing[0].strip()})", "Copy or save it again"
        )
    return image, dataclasses.replace(header, clean=not caught)


def _turn_to(image: Image.Image, page: int):
    """Selects a page of a file."""
    count = getattr(image, "n_frames", 1)
    if not 0 <= page < count:
        raise Refused(
            f"The file has only {count} pages, but a later page was requested",
            "If the file is cut off, copy it again. Otherwise, select an earlier page",
        )
    image.seek(page)


def _header(
    image: Image.Image, path: pathlib.Path, options: ReadOptions, *, check: bool
) -> Header:
    stored = orientation.stored_size(image)
    height, width = stored
    if height * width > options.max_pixels:
        raise Refused(
            f"The file has {height} x {width} pixels, more than data.max_pixels="
            f"{options.max_pixels}",
            f"If you trust the file, pass --data.max-pixels {height * width}",
        )
    if height < 1 or width < 1:
        raise Refused("The file has no pixels", "Remove it")
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
