"""Image files for prediction: which, how they are read, and how results are called."""

from __future__ import annotations

import contextlib
import glob
import os
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")
_SIXTEEN_BITS = ("I;16", "I;16B", "I;16L", "I")


def collect(arguments: tuple[str, ...]) -> list[Path]:
    """Files named by paths, directories and patterns, each once, in the given order.

    A directory stands for the images directly in it, sorted; `**` in a pattern walks
    folders. A plain path is kept even when it does not exist, to be reported later.

    Raises:
      ValueError: if a directory or pattern holds no image, or nothing is given.
    """
    if not arguments:
        raise ValueError("no image is given; name files, directories or patterns")
    found: dict[str, Path] = {}
    for argument in arguments:
        path = Path(argument)
        if path.is_dir():
            paths = [p for p in sorted(path.iterdir()) if p.suffix.lower() in SUFFIXES]
        elif glob.has_magic(argument) and not path.exists():
            names = sorted(glob.glob(argument, recursive=True))
            paths = [Path(name) for name in names if Path(name).is_file()]
        else:
            paths = [path]
        if not paths:
            raise ValueError(f"{argument!r} holds no image; suffixes are {SUFFIXES}")
        for path in paths:
            found.setdefault(os.path.realpath(path), path)
    return list(found.values())


def output_names(paths: list[Path]) -> list[str]:
    """A different name without suffix for each path.

    The file's stem where only one file has it; otherwise the path below the folder that
    all share, joined by underscores and with its suffix: a/x.png and b/x.jpg become
    a_x_png and b_x_jpg. Upper and lower case count as equal, as on some file systems.

    >>> output_names([Path("a/x.png"), Path("b/x.jpg"), Path("b/y.png")])
    ['a_x_png', 'b_x_jpg', 'y']
    """
    stems = Counter(path.stem.lower() for path in paths)
    absolute = [Path(os.path.abspath(path)) for path in paths]
    root = os.path.commonpath([path.parent for path in absolute]) if paths else ""
    taken: set[str] = set()
    names = []
    for path, full in zip(paths, absolute, strict=True):
        name = path.stem
        if stems[path.stem.lower()] > 1:
            below = full.relative_to(root)
            name = "_".join([*below.parent.parts, below.name.replace(".", "_")])
        base, number = name, 1
        while taken & {name.lower(), f"{name}_overlay".lower()}:
            number += 1
            name = f"{base}_{number}"
        taken |= {name.lower(), f"{name}_overlay".lower()}
        names.append(name)
    return names


def size_of(path: Path) -> tuple[int, int]:
    """(H, W) of an image file as `read_rgb` returns it, from its header.

    Raises:
      ValueError: naming the file, if it is missing or no image.
    """
    with _named(path), Image.open(path) as image:
        turned = image.getexif().get(0x0112, 1) >= 5  # orientation with sides swapped
        return (image.width, image.height) if turned else (image.height, image.width)


def read_rgb(path: Path) -> np.ndarray:
    """Pixels of any image file as RGB, uint8 [H, W, 3].

    Grey becomes equal channels (16 bits: the upper 8), palettes their colours, an alpha
    channel is dropped, and a camera's orientation tag is applied.

    Raises:
      ValueError: naming the file, if it is missing, damaged, or of floating point.
    """
    with _named(path), Image.open(path) as image:
        image = ImageOps.exif_transpose(image)
        if image.mode == "F":
            raise ValueError("floating-point pixels have no known range")
        if image.mode in _SIXTEEN_BITS:
            grey = np.asarray(image).astype(np.int64)
            if grey.min() < 0 or grey.max() > 65535:
                raise ValueError("grey values lie outside 0..65535")
            return np.repeat((grey >> 8).astype(np.uint8)[..., None], 3, axis=2)
        if "transparency" in image.info:
            image = image.convert("RGBA")
        return np.asarray(image.convert("RGB"))


@contextlib.contextmanager
def _named(path: Path):
    """Turns whatever Pillow raises for a bad file into a ValueError that names it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    except Exception as error:  # its decoders raise many kinds, none of them documented
        text = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise ValueError(f"{path}: {text}") from error
