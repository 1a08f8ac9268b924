"""Writes image files that are either complete or absent."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from jaxseg.storage import atomic


def save_image(path: str | Path, picture: Image.Image | np.ndarray) -> None:
    """Replaces an image file in one step, and creates the folders above it.

    Args:
      path: The file. Its suffix determines the format.
      picture: A Pillow image, or pixels uint8 [H, W] or [H, W, 3].
    """
    if isinstance(picture, np.ndarray):
        picture = Image.fromarray(picture)
    with atomic.replacing(path) as temporary:
        picture.save(temporary)
