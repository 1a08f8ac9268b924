"""Reads TIFF files whose bits or channels Pillow would drop, with tifffile.

The extra `[tiff]` of jaxseg installs tifffile. It reads tiles and strips, interleaved
and planar channels, BigTIFF and GeoTIFF. Pillow reads the other TIFF files.
"""

from __future__ import annotations

import functools
import pathlib
from typing import Any, BinaryIO

import numpy as np
from PIL import TiffImagePlugin

from jaxseg.data.read_options import ReadOptions
from jaxseg.data.refused import Refused
from jaxseg.data.wide.opened import Stored

MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_BITS, _PHOTOMETRIC, _SAMPLES, _FORMAT, _EXTRA = 258, 262, 277, 339, 338
_GRAY, _RGB = 1, 2  # The photometric interpretations whose channels are kept.
_ALPHA = (1, 2)  # The kinds of further channels that are alpha.


def is_wide_tiff(file: BinaryIO, options: ReadOptions) -> bool:
    """Returns whether a file is a TIFF that tifffile must read instead of Pillow.

    This is true of a BigTIFF, and of a TIFF whose bits or channels Pillow would drop.

    Args:
      file: The open file. The call leaves it at its start.
      options: The options of the reader.
    """
    head = file.read(16)
    file.seek(0)
    if head[:4] in MAGIC[2:]:
        return True
    if head[:4] not in MAGIC:
        return False
    try:
        table = TiffImagePlugin.ImageFileDirectory_v2(head[:8])
        file.seek(table.next)
        table.load(file)
    except Exception:  # Pillow reports what is wrong with the file.
        return False
    finally:
        file.seek(0)
    if table.get(_PHOTOMETRIC) not in (_GRAY, _RGB):
        return False
    samples = table.get(_SAMPLES, 1)
    bits = max(table.get(_BITS, (1,)))
    colors = samples - _alpha(table.get(_EXTRA, ()))
    if samples == 1:
        return max(table.get(_FORMAT, (1,))) == 3 and bits != 32
    if bits > 8 or colors not in (1, 3):
        return True
    return options.channels == samples != 3


def open_tiff(path: pathlib.Path, page: int | None) -> Stored:
    """Returns a page of a TIFF as a `Stored`, which reads its pixels later.

    Args:
      path: The file.
      page: The number of the page, or None if the file has only one page.

    Raises:
      Refused: If tifffile is missing, or the file has further pages.
    """
    try:
        import tifffile
    except ImportError as error:
        raise Refused(
            "The file is a BigTIFF, or a TIFF of more than 8 bits or 3 channels, which "
            "needs the package tifffile",
            "Install jaxseg[tiff]",
        ) from error
    with tifffile.TiffFile(path) as file:
        pages = len(file.pages)
        if page is None and any(not one.is_reduced for one in _after_first(file)):
            raise Refused(
                "The TIFF has several pages, but a single page is expected",
                "Save each page as a separate file",
            )
        if not 0 <= (page or 0) < pages:
            raise Refused(
                f"The file has only {pages} pages, but a later page was requested",
                "If the file is cut off, copy it again. Otherwise, select an earlier "
                "page",
            )
        found = file.pages[page or 0].aspage()
        _check_page(found, path.stat().st_size)
        tag = found.tags.get("Orientation")
        return Stored(
            "TIFF",
            (found.imagelength, found.imagewidth),
            found.samplesperpixel,
            np.dtype(found.dtype),
            functools.partial(_load, path, page or 0),
            alpha=_alpha(found.extrasamples),
            orientation=tag.value if tag and tag.value in range(1, 9) else 1,
        )


def _after_first(file: Any) -> list[Any]:
    return [file.pages[k].aspage() for k in range(1, len(file.pages))]


def _alpha(extra: Any) -> int:
    """Returns the number of channels that are alpha."""
    kinds = extra if isinstance(extra, tuple) else (extra,)
    return sum(kind in _ALPHA for kind in kinds)


def _check_page(page: Any, file_size: int) -> None:
    if page.photometric not in (_GRAY, _RGB) or page.imagedepth != 1:
        raise Refused(
            "The colors of the file are stored as "
            f"{getattr(page.photometric, 'name', '?')}",
            "Save it as RGB, or as gray in which 0 is black",
        )
    if 1 in page.extrasamples:
        raise Refused(
            "The colors of the file are multiplied by its alpha channel",
            "Save it without alpha",
        )
    if page.dtype is None or page.bitspersample not in (8, 16, 32, 64):
        raise Refused(
            f"The file has {page.bitspersample} bits per channel",
            "Save it with 8 or 16 bits",
        )
    ends = zip(page.dataoffsets, page.databytecounts, strict=True)
    if any(start + size > file_size for start, size in ends):
        raise Refused(
            "The file is damaged, because the data end too early", "Copy it again"
        )


def _load(path: pathlib.Path, number: int) -> np.ndarray:
    """Returns all channels of a page, [H, W, S]."""
    import tifffile

    with tifffile.TiffFile(path) as file:
        page = file.pages[number].aspage()
        values = page.asarray(maxworkers=1)
        planar = page.planarconfig == 2 and page.samplesperpixel > 1
    if values.ndim == 2:
        return values[..., None]
    return np.moveaxis(values, 0, -1) if planar else values
