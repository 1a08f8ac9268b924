"""Reads what a user or a network states about an image that graph cuts refine."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from jaxseg.data.reader import ReadOptions
from jaxseg.inference.images import read_rgb
from jaxseg.inference.mincut import UNKNOWN
from jaxseg.text import as_message
from jaxseg.weights.formats import npz

OBJECT, BACKGROUND = (255, 0, 0), (0, 0, 255)  # the colors of scribbles


def read_scribbles(
    path: Path, size: tuple[int, int], reading: ReadOptions
) -> np.ndarray:
    """Reads a file of scribbles.

    Returns:
      Int8 [H, W]: 1 at red pixels (the object), 0 at blue pixels (the background), and
      -1 at all other pixels.

    Raises:
      ValueError: If the size differs from that of the image, or if no object is marked.
    """
    pixels = read_rgb(path, reading)
    if pixels.shape[:2] != size:
        raise ValueError(
            f"scribbles={path} is invalid: expected the size {size} of the image, "
            f"found {pixels.shape[:2]}."
        )
    strokes = np.full(size, UNKNOWN, np.int8)
    strokes[(pixels == OBJECT).all(-1)] = 1
    strokes[(pixels == BACKGROUND).all(-1)] = 0
    if not (strokes == 1).any():
        raise ValueError(
            f"scribbles={path} is invalid: expected object pixels. {rules()}"
        )
    return strokes


def rules() -> str:
    """Returns an explanation of how scribbles are drawn, for errors."""
    return (
        f"Draw the object in exactly the color {OBJECT} and the background in "
        f"{BACKGROUND}, and save the image as PNG."
    )


def read_probabilities(path: Path) -> np.ndarray:
    """Reads the probabilities [H, W, K] in an .npz file that `jaxseg predict` wrote.

    Raises:
      ValueError: If the file is damaged or contains no probabilities.
    """
    try:
        found = npz.read(str(path), ["probabilities"]).get("probabilities")
        if found is None:
            raise ValueError("the file has no array named probabilities")
        if found.dtype.kind != "f" or found.ndim != 3 or not 2 <= found.shape[-1] < 256:
            raise ValueError(f"the probabilities are {found.dtype} {list(found.shape)}")
        if not ((found >= 0) & (found <= 1)).all():
            raise ValueError("some probabilities are not between 0 and 1")
    except ValueError as error:
        reason = as_message(error).removeprefix(f"{path}: ").removesuffix(".")
        raise ValueError(
            f"probabilities={path} is invalid: expected a file of `jaxseg predict "
            f"--probabilities`, with floating-point values [H, W, K] ({reason})."
        ) from error
    return found
