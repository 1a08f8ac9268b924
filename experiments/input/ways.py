"""Lists the ways to store pixels that the report compares.

Every way is lossless. Those that need a library that is not installed are left out.
"""

from __future__ import annotations

import importlib
import io
import zlib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pyarrow
from PIL import Image

from jaxseg.data import tiles
from jaxseg.data.area import Area
from jaxseg.data.rasters import encode_png

Tile = tuple[Callable[[np.ndarray], bytes], Callable[[bytes], np.ndarray]]


class Way(NamedTuple):
    """Is one way to store an image.

    Attributes:
      name: What the report calls it.
      encode: Maps an image, uint8 [H, W, 3], to what is stored.
      read: Maps what is stored and an area to the pixels of the area.
    """

    name: str
    encode: Callable
    read: Callable


def ways() -> list[Way]:
    """Returns all ways whose libraries are installed."""
    found = [
        _whole("PNG, Pillow (as before)", encode_png, _pillow),
        _tiled("tiles of PNG, Pillow", encode_png, _pillow),
        _tiled("tiles of WebP, Pillow", _webp, _pillow),
        _tiled("tiles of differences, zlib 6", *_zlib()),
        _tiled("tiles of differences, LZ4", *_arrow("lz4")),
        _jaxseg("tiles of differences, Zstandard 1 (chosen)", 128, 1),
        _jaxseg("tiles of differences, Zstandard 9", 128, 9),
        _jaxseg("tiles of 64 x 64, Zstandard 1", 64, 1),
        _jaxseg("tiles of 256 x 256, Zstandard 1", 256, 1),
        _jaxseg("strips of 64 whole rows, Zstandard 1", (64, 2048), 1),
    ]
    if cv2 := _optional("cv2"):
        read = lambda data: cv2.imdecode(
            np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB
        )
        found.insert(1, _whole("PNG, OpenCV", encode_png, read))
        found.insert(3, _tiled("tiles of PNG, OpenCV", encode_png, read))
    if codecs := _optional("imagecodecs"):
        found += [
            _tiled("tiles of QOI, imagecodecs", codecs.qoi_encode, codecs.qoi_decode),
            _tiled(
                "tiles of JPEG XL, imagecodecs",
                lambda pixels: codecs.jpegxl_encode(pixels, lossless=True, effort=1),
                codecs.jpegxl_decode,
            ),
            _tiled(
                "tiles of JPEG-LS, imagecodecs",
                codecs.jpegls_encode,
                codecs.jpegls_decode,
            ),
        ]
    return found


def _optional(name: str):
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def _pillow(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)))


def _webp(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "WEBP", lossless=True, quality=0, method=0)
    return buffer.getvalue()


def _forth(pixels: np.ndarray) -> np.ndarray:
    planes = np.moveaxis(pixels, -1, 0).copy("C")
    planes[1:] -= planes[:-1].copy()
    planes[:, 1:] -= planes[:, :-1].copy()
    return planes


def _back(data: bytes, side: int = tiles.SIDE) -> np.ndarray:
    planes = np.frombuffer(data, np.uint8).reshape(3, side, side)
    planes = np.add.accumulate(planes, axis=1, dtype=np.uint8)
    for channel in (1, 2):
        planes[channel] += planes[channel - 1]
    return np.moveaxis(planes, 0, -1)


def _zlib() -> Tile:
    return (
        lambda pixels: zlib.compress(_forth(pixels).tobytes(), 6),
        lambda data: _back(zlib.decompress(data)),
    )


def _arrow(name: str) -> Tile:
    codec = pyarrow.Codec(name)
    return (
        lambda pixels: codec.compress(_forth(pixels).tobytes(), asbytes=True),
        lambda data: _back(codec.decompress(data, 3 * tiles.SIDE**2)),
    )


def _whole(name: str, encode: Callable, decode: Callable) -> Way:
    return Way(name, encode, lambda data, area: area.of(decode(data)))


def _jaxseg(name: str, side: int | tuple[int, int], level: int) -> Way:
    """Stores tiles as `jaxseg.data.tiles` does; strips are tiles of a wide image."""
    if isinstance(side, tuple):
        return _strips(name, side[0], level)
    return Way(
        name,
        lambda pixels: tiles.encode(pixels, differences=True, level=level, side=side),
        tiles.decode,
    )


def _strips(name: str, rows: int, level: int) -> Way:
    def encode(pixels: np.ndarray) -> list[bytes]:
        return [
            tiles.encode(
                pixels[start : start + rows],
                differences=True,
                level=level,
                side=max(pixels.shape),
            )
            for start in range(0, len(pixels), rows)
        ]

    def read(strips: list[bytes], area: Area) -> np.ndarray:
        first, last = area.rows[0] // rows, -(-area.rows[1] // rows)
        part = np.concatenate([tiles.decode(strips[k]) for k in range(first, last)])
        start = first * rows
        return part[area.rows[0] - start : area.rows[1] - start, slice(*area.columns)]

    return Way(name, encode, read)


def _tiled(name: str, encode: Callable, decode: Callable) -> Way:
    """Stores each tile by itself. The sides of the image are multiples of a tile's."""
    side = tiles.SIDE

    def encoded(pixels: np.ndarray) -> dict[tuple[int, int], bytes]:
        return {
            (row, column): encode(
                np.ascontiguousarray(pixels[row : row + side, column : column + side])
            )
            for row in range(0, pixels.shape[0], side)
            for column in range(0, pixels.shape[1], side)
        }

    def read(stored: dict[tuple[int, int], bytes], area: Area) -> np.ndarray:
        top, left = (start // side * side for start in (area.rows[0], area.columns[0]))
        part = np.concatenate(
            [
                np.concatenate(
                    [
                        decode(stored[row, column])
                        for column in range(left, area.columns[1], side)
                    ],
                    axis=1,
                )
                for row in range(top, area.rows[1], side)
            ]
        )
        return part[
            area.rows[0] - top : area.rows[1] - top,
            area.columns[0] - left : area.columns[1] - left,
        ]

    return Way(name, encoded, read)
