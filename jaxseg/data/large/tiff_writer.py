"""Writes a class mask as a tiled TIFF, without holding it in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

TILE = 512  # As in GDAL's cloud-optimized GeoTIFF; TIFF needs multiples of 16.
_COLORS = 256  # An 8-bit palette has this number of entries.


def write_tiff(
    path: Path,
    read: Callable[[int, int], np.ndarray],
    *,
    shape: tuple[int, ...],
    dtype: np.dtype,
    palette: np.ndarray | None = None,
    geo: tuple[tuple[int, int, int, Any], ...] = (),
) -> None:
    """Writes a TIFF with tiles of 512 x 512 pixels and deflate compression.

    Args:
      path: The file to write.
      read: A function of (start, stop) that returns the rows start to stop - 1.
      shape: The shape of the image: (H, W), or (H, W, K) if K classes can overlap.
      dtype: The type of the values.
      palette: The RGB color of each of N classes, uint8 [N, 3], for a mask (H, W) of
        8-bit classes.
      geo: The GeoTIFF tags of the location on the earth, from
        `jaxseg.data.large.tiff_boxes.georeference`.
    """
    import tifffile

    more: dict[str, Any] = {"photometric": "minisblack"}
    if palette is not None:
        colors = np.zeros((3, _COLORS), np.uint16)
        colors[:, : len(palette)] = palette.T.astype(np.uint16) * 257
        more = {"photometric": "palette", "colormap": colors}
    if len(shape) == 3:
        more["planarconfig"] = "contig"
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    with tifffile.TiffWriter(path, bigtiff=size > 2**31) as file:
        file.write(
            _tiles(read, shape),
            shape=shape,
            dtype=dtype,
            tile=(TILE, TILE),
            compression="adobe_deflate",
            metadata=None,
            extratags=[(*tag, True) for tag in geo],
            maxworkers=1,
            **more,
        )


def _tiles(
    read: Callable[[int, int], np.ndarray], shape: tuple[int, ...]
) -> Iterator[np.ndarray]:
    """Yields the tiles of an image row by row.

    Tiles at the right and bottom border are padded with 0 to their full size.
    """
    for top in range(0, shape[0], TILE):
        rows = read(top, min(top + TILE, shape[0]))
        for left in range(0, shape[1], TILE):
            part = rows[:, left : left + TILE]
            pads = [(0, TILE - n) for n in part.shape[:2]]
            pads += [(0, 0)] * (part.ndim - 2)
            yield np.pad(part, pads)
