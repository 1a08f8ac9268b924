"""Finds packages with weights and photographs, without importing them."""

from __future__ import annotations

import importlib.util
import pathlib

import numpy as np
from PIL import Image

NAMES = {  # Package that contains the photograph: names of the files.
    "sklearn": ("datasets/images/china.jpg", "datasets/images/flower.jpg"),
    "skimage": ("data/coffee.png", "data/chelsea.png", "data/rocket.jpg"),
}


def folder_of(package: str) -> pathlib.Path | None:
    """Returns the folder of an installed package, or None if it is not installed.

    Args:
      package: The name with which the package is imported.
    """
    spec = importlib.util.find_spec(package)
    places = spec.submodule_search_locations if spec else None
    return pathlib.Path(places[0]) if places else None


def photographs() -> dict[str, np.ndarray]:
    """Returns the photographs of the installed packages by name, uint8 [H, W, 3]."""
    found = {}
    for package, files in NAMES.items():
        folder = folder_of(package)
        for file in files if folder else ():
            path = folder / file
            if path.is_file():
                found[path.stem] = np.asarray(Image.open(path).convert("RGB"))
    return found


def square(photograph: np.ndarray, size: int = 224) -> np.ndarray:
    """Returns the central square of a photograph, resized to `size` x `size` pixels."""
    height, width = photograph.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    image = Image.fromarray(photograph[top : top + side, left : left + side])
    return np.asarray(image.resize((size, size), Image.Resampling.BICUBIC))
