"""Saves image files atomically: a reader never sees a partly written file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from jaxseg.storage import atomic


def save_image(path: str | Path, picture: Image.Image | np.ndarray) -> None:
    """Saves an image under a temporary name, and then renames the file.

    A reader never sees a partly written file. Missing folders of the path are created.

    Args:
      path: The file. Its suffix determines the format.
      picture: A Pillow image, or pixels uint8 [H, W] or [H, W, 3].
    """
    if isinstance(picture, np.ndarray):
        picture = Image.fromarray(picture)
    with atomic.replacing(path) as temporary:
        picture.save(temporary)
