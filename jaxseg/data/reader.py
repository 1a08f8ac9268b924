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
tag to images and masks, so both are as an annotator saw them. Sizes refer to the
picture after that.

A TIFF may have more pages only if they repeat the first one at a lower resolution. Of a
multi-picture JPEG (MPO), which many phones write, the first picture is read. The others
are its previews and gain maps.
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
from PIL import Image, UnidentifiedImageError

from jaxseg.config import DataConfig
from jaxseg.data import kinds, orientation, pillow_limit
from jaxseg.data.files import shown

VERSION = 2  # Increase it when a file gives other pixels.
MAX_PIXELS = 178_956_970  # Pillow suspects an attack beyond this size, too.
FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "WEBP", "GIF", "PPM")
_MAGIC = (b"\x89PNG", b"\xff\xd8\xff", b"BM", b"II", b"MM", b"RIFF", b"GIF8")
_WARNINGS = threading.Lock()  # Python catches warnings of one thread at a time.


@dataclasses.dataclass(frozen=True)
class ReadOptions:
    """Holds the options of reading a file.

    Attributes:
      range: The values that become 0 and 255 in images of more than 8 bits.
      max_pixels: Larger images are refused before they are decoded.

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
    """Returns the options with which a run reads its files."""
    return ReadOptions(range=config.range, max_pixels=config.max_pixels)


@dataclasses.dataclass(frozen=True)
class Header:
    """Holds what the header of a file states.

    Attributes:
      size: The (H, W) in pixels after the orientation tag is applied.
      stored_size: The (H, W) in pixels before that.
      orientation: The orientation tag, 1 to 8 as in EXIF; 1 leaves the picture
        unchanged.
      format: Pillow's name of the file format.
      mode: Pillow's name of the kind of pixels.
      lossy: Whether the compression changes pixel values, as JPEG does.
      clean: Whether Pillow reads the header without a warning.
    """

    size: tuple[int, int]
    stored_size: tuple[int, int]
    orientation: int
    format: str
    mode: str
    lossy: bool
    clean: bool = True

    @property
    def plain(self) -> bool:
        """Returns whether every decoder of PNG and JPEG gives the same pixels."""
        common = self.format in ("PNG", "JPEG") and self.mode == "RGB"
        return common and self.orientation == 1 and self.clean


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
        form = kinds.form_of(image)
        kinds.check(form, mask=mask)
        image.load()
        image = orientation.turned(image, header.orientation, file_format=header.format)
        if (image.height, image.width) != header.size:
            raise kinds.Refused(
                f"Its header states the size {header.size}, but its pixels have the "
                f"size {(image.height, image.width)} (height, width)",
                "Save it again",
            )
        if mask:
            return kinds.to_classes(image, form)
        return kinds.to_rgb(image, form, options.range)


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


def turn_hint(image: Header, mask: Header) -> str:
    """Explains two sizes that differ by a rotation of the picture.

    Args:
      image: The header of the image.
      mask: The header of the mask.

    Returns:
      A part of a message, or "" if a rotation does not explain the difference.
    """
    advice = "Draw masks on the picture as viewers show it"
    for name, one, other in (("image", image, mask), ("mask", mask, image)):
        swapped = orientation.swaps_sides(one.orientation)
        if swapped and one.stored_size == other.size:
            return (
                ". The sizes are equal without the orientation tag "
                f"({one.orientation}) of the {name}. {advice}, or remove the tag "
                "(exiftool -Orientation= FILE)"
            )
    if image.size == mask.size[::-1]:
        return f". The sizes are equal after a rotation by 90 degrees. {advice}"
    return ""


@contextlib.contextmanager
def _opened(
    path: str | os.PathLike, options: ReadOptions
) -> Iterator[tuple[Image.Image, Header]]:
    """Opens a file and checks its header. Every error names the file."""
    path = pathlib.Path(path)
    try:
        _require_file(path)
        # With a path, Pillow would map the file and lose the sides of a rotated TIFF.
        with open(path, "rb") as file, pillow_limit.lifted:
            image, header = _start(file, path, options)
            with image:
                yield image, header
    except kinds.Refused as error:
        raise ValueError(f"{shown(path)}: {error}") from error
    except Exception as error:  # Pillow's decoders raise many undocumented errors.
        raise ValueError(f"{shown(path)}: {_reason(error, path)}") from error


def _start(
    file: IO[bytes], path: pathlib.Path, options: ReadOptions
) -> tuple[Image.Image, Header]:
    """Opens an image and reads its header.

    Pillow continues with a warning if parts of a TIFF are outside of the file. Such a
    file is damaged. Unreadable EXIF data count as absent, as in viewers.
    """
    with _WARNINGS, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        image = Image.open(file, formats=FORMATS)
        header = _header(image, path, options)
    texts = [str(each.message) for each in caught if each.category is UserWarning]
    missing = [text for text in texts if not text.startswith("Metadata Warning")]
    if image.format == "TIFF" and missing:
        raise kinds.Refused(
            f"It is damaged ({missing[0].strip()})", "Copy or save it again"
        )
    return image, dataclasses.replace(header, clean=not caught)


def _require_file(path: pathlib.Path):
    """Refuses pipes, folders, broken links and empty files."""
    if path.is_symlink() and not path.exists():
        target = shown(os.readlink(path))
        raise kinds.Refused(
            f"It cannot be read, because it is a link to {target}, which is missing",
            "Restore the target or remove the link",
        )
    if path.exists() and not path.is_file():
        raise kinds.Refused(
            "It cannot be read, because it is not a regular file", "Pass a file"
        )
    if path.exists() and path.stat().st_size == 0:
        raise kinds.Refused("It is damaged, because it is empty", "Copy it again")


def _reason(error: Exception, path: pathlib.Path) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"It cannot be read ({error.strerror})."
    if isinstance(error, MemoryError):
        return "Its pixels do not fit into memory. Cut it into smaller images."
    if isinstance(error, UnidentifiedImageError):
        with open(path, "rb") as file:
            known = file.read(4).startswith(_MAGIC)
        state = "is damaged, or of an uncommon form" if known else "is not an image"
        return f"It {state}: expected one of the formats {', '.join(FORMATS)}."
    text = " ".join(str(error).split()) or type(error).__name__
    return f"It is damaged ({text}). Copy or save it again."


def _header(image: Image.Image, path: pathlib.Path, options: ReadOptions) -> Header:
    stored = orientation.stored_size(image)
    height, width = stored
    if height * width > options.max_pixels:
        raise kinds.Refused(
            f"Its {height} x {width} pixels are more than data.max_pixels="
            f"{options.max_pixels}",
            f"If you trust the file, pass --data.max-pixels {height * width}",
        )
    if height < 1 or width < 1:
        raise kinds.Refused("It has no pixels", "Remove it")
    kinds.check_file(image)
    mode, tag = image.mode, orientation.read_tag(image, path)
    return Header(
        size=(width, height) if orientation.swaps_sides(tag) else stored,
        stored_size=stored,
        orientation=tag,
        format=image.format or "",
        mode=mode,
        lossy=kinds.is_lossy(image, path),
    )
