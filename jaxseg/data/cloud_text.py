"""Reads points with colors from text files, with one point in each line."""

from __future__ import annotations

import io
import logging
import pathlib
import re

import numpy as np

from jaxseg.data.files import shown

COLUMNS = 6  # The columns x, y, z, red, green and blue.
logger = logging.getLogger(__name__)
_STRAY = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")  # Control bytes but line ends.


def read_points(path: pathlib.Path) -> tuple[np.ndarray, np.ndarray]:
    """Reads the points of a text file.

    Some published files contain a stray control byte within a line. The byte becomes a
    blank if the line then has six columns, and is removed otherwise. Each such line
    causes a warning. A file without points also causes a warning.

    Args:
      path: The file.

    Returns:
      The positions of the N points, float64 [N, 3], and their colors, uint8 [N, 3].

    Raises:
      ValueError: If the file cannot be read, a line does not have six numbers, or a
        color is not an integer from 0 to 255.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ValueError(
            f"{shown(path)} cannot be read ({error.strerror}). Copy it again."
        ) from error
    if _STRAY.search(data):
        data = _repaired(path, data)
    if not data.strip():
        logger.warning("%s contains no points.", shown(path))
        return np.zeros((0, 3)), np.zeros((0, 3), np.uint8)
    try:
        values = np.loadtxt(io.BytesIO(data), ndmin=2)
    except (ValueError, UnicodeDecodeError) as error:
        text = " ".join(str(error).split())
        raise ValueError(
            f"{shown(path)} is damaged ({text}): expected six numbers per line. Copy "
            "it again."
        ) from error
    if values.shape[1] != COLUMNS or not np.isfinite(values).all():
        raise ValueError(
            f"{shown(path)} is invalid: expected six finite numbers per line, x y z r "
            f"g b, found {values.shape[1]} columns. Copy it again."
        )
    color = values[:, 3:]
    if ((color < 0) | (color > 255) | (color % 1 != 0)).any():
        raise ValueError(
            f"{shown(path)} is invalid: expected colors from 0 to 255, found "
            f"{color.min():g} to {color.max():g}. Copy it again."
        )
    return values[:, :3], color.astype(np.uint8)


def _repaired(path: pathlib.Path, data: bytes) -> bytes:
    """Returns the text without stray control bytes."""
    lines = data.split(b"\n")
    for number, line in enumerate(lines):
        if not _STRAY.search(line):
            continue
        for word in (b" ", b""):
            fixed = _STRAY.sub(word, line)
            if len(fixed.split()) == COLUMNS:
                break
        lines[number] = fixed
        logger.warning(
            "%s, line %d: the stray byte in %r is ignored, so the line is read as %r.",
            *(shown(path), number + 1, line, fixed),
        )
    return b"\n".join(lines)
