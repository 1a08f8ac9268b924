"""The one reader of image files: training, evaluation, prediction and tools share it.

`read_pixels` turns a file into pixels and `read_size` reads its size; nothing else in
jaxseg opens an image file. What 8-bit RGB (or a map of class numbers) cannot represent
is refused in one line that names the file, the reason and the remedy. Decisions:

    kind of file                            as an image           as a mask
    --------------------------------------  --------------------  ---------------------
    8-bit gray                              three equal channels  values are classes
    8-bit RGB                               as stored             refused
    gray in a WebP, which stores it as RGB  three equal channels  values are classes
    1-, 2- and 4-bit gray                   scaled to 0..255      values as stored
    palette (1 to 8 bits)                   its colors            indices are classes
    palette of gray alone, in a GIF         its colors            grays are classes
    with an alpha channel                   alpha is dropped      refused
    with alpha multiplied into the colors   refused               refused
    CMYK and YCbCr, 8-bit                   Pillow's RGB          refused
    CIELAB                                  refused               refused
    gray of 12, 16 or 32 bits               `data.range`          values are classes
    floating point                          `data.range`          refused
    RGB of 16 bits, signed 8-bit gray       refused               refused
    further channels (R, G, B, infrared)    refused               refused
    several pages, or an animation          refused               refused
    TIFF in which zero is white             as shown (8 bits)     refused

`data.range` names the values that become black and white. A value v becomes
round(255 (v - low) / (high - low)), clipped to 0..255. Without a range these kinds are
refused, because an 8-bit, a 12-bit and a 16-bit recording look alike in their files. A
range leaves images of 8 bits as they are. Color profiles are not applied.

Orientation: cameras and scanners store a tag that says how a picture is to be turned
(EXIF in JPEG, PNG and WebP, a tag of its own in TIFF, else XMP). It is applied to
images and masks, so that both are as an annotator saw them. Sizes are those after it.

Of a TIFF only pages that repeat the first one at a lower resolution may follow; of a
multi-picture JPEG (MPO), the form of many phones, the first picture is the photograph
and the others are its previews and gain maps.
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

VERSION = 2  # grows when the same file gives other pixels: data are prepared anew
MAX_PIXELS = 178_956_970  # the size beyond which Pillow, too, suspects an attack
FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "WEBP", "GIF", "PPM")
_MAGIC = (b"\x89PNG", b"\xff\xd8\xff", b"BM", b"II", b"MM", b"RIFF", b"GIF8")
_WARNINGS = threading.Lock()  # Python catches warnings for one thread at a time


@dataclasses.dataclass(frozen=True)
class ReadOptions:
    """How files are read, apart from what they say themselves.

    Attributes:
      range: Values that become 0 and 255 in images of more than 8 bits.
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
                f"data.range={self.range} is invalid: expected two finite values, the "
                "lower one first, such as 0 65535."
            )
        if self.range is not None:  # equal options have one form: it names the data
            object.__setattr__(self, "range", (float(low), float(high)))
        if self.max_pixels < 1:
            raise ValueError(
                f"data.max_pixels={self.max_pixels} is invalid: expected at least 1."
            )


DEFAULTS = ReadOptions()


def options_of(config: DataConfig) -> ReadOptions:
    """The options of a run, with which its files are read."""
    return ReadOptions(range=config.range, max_pixels=config.max_pixels)


@dataclasses.dataclass(frozen=True)
class Header:
    """What a file says of itself.

    Attributes:
      size: (H, W) in pixels, after the orientation was applied.
      stored_size: (H, W) in pixels before that.
      orientation: 1 to 8 as in EXIF; 1 leaves the picture as it is stored.
      format: Pillow's name of the file's format.
      mode: Pillow's name of the kind of pixels.
      lossy: Whether the compression changes pixel values, as JPEG does.
      clean: Whether Pillow reads it without a warning.
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
        """Whether every decoder of PNG and JPEG finds the pixels that we find."""
        common = self.format in ("PNG", "JPEG") and self.mode == "RGB"
        return common and self.orientation == 1 and self.clean


def read_pixels(
    path: str | os.PathLike, options: ReadOptions = DEFAULTS, *, mask: bool = False
) -> np.ndarray:
    """The pixels of an image or mask file, as a viewer shows it.

    Args:
      path: The file.
      options: Range and limit; those of the run, so that training and prediction see
        the same pixels.
      mask: Read class numbers instead of colors.

    Returns:
      An image as uint8 [H, W, 3], or a mask as integers [H, W] of any size.

    Raises:
      ValueError: In one line that names the file, if it is missing, damaged, too
        large, or of a kind that cannot be represented.
    """
    with _opened(path, options) as (image, header):
        form = kinds.form_of(image)
        kinds.check(form, mask=mask)
        image.load()
        image = orientation.turned(image, header.orientation, file_format=header.format)
        if (image.height, image.width) != header.size:
            raise kinds.Refused(
                f"its header says {header.size} and its pixels are "
                f"{(image.height, image.width)} (height, width)",
                "save it anew",
            )
        if mask:
            return kinds.to_classes(image, form)
        return kinds.to_rgb(image, form, options.range)


def read_header(path: str | os.PathLike, options: ReadOptions = DEFAULTS) -> Header:
    """Size, orientation and format of an image file, without decoding its pixels.

    Raises:
      ValueError: As `read_pixels`, for what the header shows.
    """
    with _opened(path, options) as (_, header):
        return header


def read_size(
    path: str | os.PathLike, options: ReadOptions = DEFAULTS
) -> tuple[int, int]:
    """(H, W) of the pixels that `read_pixels` returns.

    Raises:
      ValueError: As `read_pixels`, for what the header shows.
    """
    return read_header(path, options).size


def turn_hint(image: Header, mask: Header) -> str:
    """Why two sizes differ, as a part of a message; "" if it is not a turn."""
    advice = "draw masks on the picture as viewers show it"
    for name, one, other in (("image", image, mask), ("mask", mask, image)):
        swapped = orientation.swaps_sides(one.orientation)
        if swapped and one.stored_size == other.size:
            return (
                f"; they agree without the orientation tag ({one.orientation}) of the "
                f"{name}: {advice}, or remove the tag (exiftool -Orientation= FILE)"
            )
    if image.size == mask.size[::-1]:
        return f"; they agree after a quarter turn: {advice}"
    return ""


@contextlib.contextmanager
def _opened(
    path: str | os.PathLike, options: ReadOptions
) -> Iterator[tuple[Image.Image, Header]]:
    """An open file with its header checked; every error names the file."""
    path = pathlib.Path(path)
    try:
        _require_file(path)
        # Given a name, Pillow would map the file and lose the sides of a turned TIFF.
        with open(path, "rb") as file, pillow_limit.lifted:
            image, header = _start(file, path, options)
            with image:
                yield image, header
    except kinds.Refused as error:
        raise ValueError(f"{shown(path)}: {error}") from error
    except Exception as error:  # Pillow's decoders raise many kinds, none documented
        raise ValueError(f"{shown(path)}: {_reason(error, path)}") from error


def _start(
    file: IO[bytes], path: pathlib.Path, options: ReadOptions
) -> tuple[Image.Image, Header]:
    """Opens an image and reads its header.

    Pillow goes on with a warning where parts of a TIFF lie outside of the file; such a
    file is damaged. EXIF data that cannot be read count as absent, as in viewers.
    """
    with _WARNINGS, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        image = Image.open(file, formats=FORMATS)
        header = _header(image, path, options)
    texts = [str(each.message) for each in caught if each.category is UserWarning]
    missing = [text for text in texts if not text.startswith("Metadata Warning")]
    if image.format == "TIFF" and missing:
        raise kinds.Refused(f"damaged ({missing[0].strip()})", "copy or save it again")
    return image, dataclasses.replace(header, clean=not caught)


def _require_file(path: pathlib.Path):
    """Refuses what would block or has no pixels: pipes, folders, broken links."""
    if path.is_symlink() and not path.exists():
        target = shown(os.readlink(path))
        raise kinds.Refused(
            f"cannot be read, as it is a link to {target}, which does not exist",
            "restore the target or remove the link",
        )
    if path.exists() and not path.is_file():
        raise kinds.Refused("cannot be read, as it is no regular file", "name a file")
    if path.exists() and path.stat().st_size == 0:
        raise kinds.Refused("damaged: the file is empty", "copy it again")


def _reason(error: Exception, path: pathlib.Path) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"cannot be read ({error.strerror})."
    if isinstance(error, MemoryError):
        return "its pixels do not fit into memory; cut it into smaller images."
    if isinstance(error, UnidentifiedImageError):
        with open(path, "rb") as file:
            known = file.read(4).startswith(_MAGIC)
        state = "damaged, or of an uncommon form" if known else "not an image"
        allowed = ", ".join(FORMATS)
        return f"{state}; save it anew in one of the formats {allowed}."
    text = " ".join(str(error).split()) or type(error).__name__
    return f"damaged ({text}); copy or save it again."


def _header(image: Image.Image, path: pathlib.Path, options: ReadOptions) -> Header:
    stored = orientation.stored_size(image)
    height, width = stored
    if height * width > options.max_pixels:
        raise kinds.Refused(
            f"{height} x {width} pixels are more than data.max_pixels="
            f"{options.max_pixels} allows",
            f"if the file is trusted, pass --data.max-pixels {height * width}",
        )
    if height < 1 or width < 1:
        raise kinds.Refused("it has no pixels", "remove it")
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
