"""Opens image files for reading bytes, and states why a file cannot be read."""

from __future__ import annotations

import gzip
import io
import os
import pathlib
from typing import IO

from PIL import UnidentifiedImageError

from jaxseg.data.files import shown
from jaxseg.data.refused import Refused

FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "WEBP", "GIF", "PPM")
LARGEST = 2**30  # A compressed file can claim to hold any number of bytes.
_MAGIC = (b"\x89PNG", b"\xff\xd8\xff", b"BM", b"II", b"MM", b"RIFF", b"GIF8")


def is_compressed(path: pathlib.Path) -> bool:
    """Returns whether a file name ends with `.gz`, as in `.ppm.gz`."""
    return path.suffix.lower() == ".gz"


def open_file(path: pathlib.Path) -> IO[bytes]:
    """Opens a file for reading bytes, and decompresses it if its name ends with `.gz`.

    Args:
      path: The file.

    Returns:
      A binary file object, which the caller closes.

    Raises:
      Refused: If it is not a regular file, or too large.
      OSError: If it cannot be read.
    """
    require_file(path)
    if not is_compressed(path):
        return open(path, "rb")
    with gzip.open(path) as file:
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise Refused(
            f"The file has more than {LARGEST} bytes when decompressed",
            "If you trust the file, decompress it with gunzip",
        )
    return io.BytesIO(data)


def require_file(path: pathlib.Path):
    """Raises `Refused` for pipes, folders, broken links and empty files."""
    if path.is_symlink() and not path.exists():
        target = shown(os.readlink(path))
        raise Refused(
            f"The file cannot be read, because it is a link to {target}, which is "
            "missing",
            "Restore the target or remove the link",
        )
    if path.exists() and not path.is_file():
        raise Refused(
            "The file cannot be read, because it is not a regular file",
            "Pass a regular file",
        )
    if path.exists() and path.stat().st_size == 0:
        raise Refused("The file is damaged, because it is empty", "Copy it again")


def reason(error: Exception, path: pathlib.Path) -> str:
    """Returns a sentence that states why a file cannot be read.

    Args:
      error: The error that reading the file raised.
      path: The file.
    """
    if isinstance(error, OSError) and error.strerror:
        return f"The file cannot be read ({error.strerror})."
    if isinstance(error, MemoryError):
        return (
            "The pixels of the file do not fit into memory. Cut it into smaller images."
        )
    if isinstance(error, UnidentifiedImageError):
        with open(path, "rb") as file:
            known = file.read(4).startswith(_MAGIC)
        state = "is damaged, or of an uncommon form" if known else "is not an image"
        return f"The file {state}: expected one of the formats {', '.join(FORMATS)}."
    text = " ".join(str(error).split()) or type(error).__name__
    return f"The file is damaged ({text}). Copy or save it again."
