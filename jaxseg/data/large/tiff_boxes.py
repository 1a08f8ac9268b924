"""Reads rectangles of pixels (boxes) of a TIFF without decoding the rest.

Only the tiles or strips that overlap with a box are decoded.
"""

from __future__ import annotations

import itertools
import pathlib
from collections import OrderedDict
from typing import Any

import numpy as np

from jaxseg.data.large.raw_boxes import BoxTuple, Layout, RawBoxes
from jaxseg.data.refused import Refused

SEGMENT_BYTES = 2**28  # The largest decoded tile or strip.
CACHE_BYTES = 2**26  # Decoded tiles that are kept for the next windows.
# The tags of a GeoTIFF: pixel scale, tie points, transformation and the keys of the
# coordinate reference system with their parameters.
GEO_TAGS = (33550, 33922, 34264, 34735, 34736, 34737)


class TiffBoxes:
    """Reads boxes of the first page of a TIFF that has tiles or strips."""

    def __init__(self, path: pathlib.Path) -> None:
        """Opens the first page of a TIFF.

        Args:
          path: The file, which `jaxseg.data.wide.tiff.open_tiff` must have accepted.

        Raises:
          Refused: If the file has no tiles and its strips are too large, or if the
            compression cannot be read.
        """
        import tifffile

        self._file = tifffile.TiffFile(path)
        self._page = page = self._file.pages[0].aspage()
        tiled = page.is_tiled
        strip = min(page.rowsperstrip, page.imagelength)
        self._length = page.tilelength if tiled else strip
        self._width = page.tilewidth if tiled else page.imagewidth
        self._planar = page.planarconfig == 2 and page.samplesperpixel > 1
        self._cache: OrderedDict[int, np.ndarray] = OrderedDict()
        self._across = -(-page.imagewidth // self._width)
        self._down = -(-page.imagelength // self._length)
        samples = 1 if self._planar else page.samplesperpixel
        size = self._length * self._width * samples * page.dtype.itemsize
        if size > SEGMENT_BYTES:
            self.close()
            raise Refused(
                f"The TIFF stores {self._length} rows in one compressed piece, which "
                "cannot be read in windows",
                "Save it with tiles (gdal_translate -co TILED=YES)",
            )
        row = size * self._across * (page.samplesperpixel if self._planar else 1)
        self._capacity = max(CACHE_BYTES, 2 * row) // size

    def read(self, box: BoxTuple) -> np.ndarray:
        """Returns the pixels in a box with all S channels of the file, [h, w, S].

        Args:
          box: Top, left, bottom, right: the first row and column, and the row and
            column after the last ones.

        Raises:
          Refused: If a tile cannot be decoded.
        """
        top, left, bottom, right = box
        samples = self._page.samplesperpixel
        found = np.zeros((bottom - top, right - left, samples), self._page.dtype)
        rows = range(top // self._length, (bottom - 1) // self._length + 1)
        columns = range(left // self._width, (right - 1) // self._width + 1)
        planes = range(samples) if self._planar else (None,)
        for plane, row, column in itertools.product(planes, rows, columns):
            first = row * self._length, column * self._width
            tile = self._segment(plane or 0, row, column)
            y0, x0 = max(top, first[0]), max(left, first[1])
            y1 = min(bottom, first[0] + tile.shape[0])
            x1 = min(right, first[1] + tile.shape[1])
            part = tile[y0 - first[0] : y1 - first[0], x0 - first[1] : x1 - first[1]]
            channels = slice(None) if plane is None else slice(plane, plane + 1)
            found[y0 - top : y1 - top, x0 - left : x1 - left, channels] = part
        return found

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def _segment(self, plane: int, row: int, column: int) -> np.ndarray:
        """Returns a tile or strip after decoding, [h, w, channels].

        Args:
          plane: The channel, if the file stores each channel on its own, else 0.
          row: The row of the tile or strip, counted in tiles or strips.
          column: The column of the tile, counted in tiles; 0 for strips.
        """
        index = (plane * self._down + row) * self._across + column
        if index in self._cache:
            self._cache.move_to_end(index)
            return self._cache[index]
        tile = self._decoded(index)
        self._cache[index] = tile
        while len(self._cache) > self._capacity:
            self._cache.popitem(last=False)
        return tile

    def _decoded(self, index: int) -> np.ndarray:
        page = self._page
        count = page.databytecounts[index]
        data = None
        if count:  # Sparse files leave out tiles whose values are all equal.
            self._file.filehandle.seek(page.dataoffsets[index])
            data = self._file.filehandle.read(count)
            if len(data) < count:
                raise Refused(
                    "The file is damaged, because the data end too early",
                    "Copy it again",
                )
        found, _, shape = page.decode(data, index, jpegtables=page.jpegtables)
        if found is None:
            return np.full(shape[1:], page.nodata, page.dtype)
        return found[0, : shape[1], : shape[2]]


def open_tiff_boxes(path: pathlib.Path) -> TiffBoxes | RawBoxes:
    """Opens the first page of a TIFF, so that boxes (rectangles) of it can be read.

    Args:
      path: The file, which `jaxseg.data.wide.tiff.open_tiff` must have accepted.

    Returns:
      An object whose method `read` returns the pixels in a box.
    """
    import tifffile

    with tifffile.TiffFile(path) as file:
        page = file.pages[0].aspage()
        if not page.is_memmappable:
            return TiffBoxes(path)
        layout = Layout(
            page.dataoffsets[0],
            (page.imagelength, page.imagewidth),
            page.samplesperpixel,
            np.dtype(page.dtype).newbyteorder(file.byteorder),
            planar=page.planarconfig == 2 and page.samplesperpixel > 1,
        )
    return RawBoxes(path, layout)


def georeference(path: pathlib.Path) -> tuple[tuple[int, int, int, Any], ...]:
    """Returns the tags that state the location of a GeoTIFF on the earth.

    They can be written to another TIFF with the same height and width.

    Args:
      path: The file.

    Returns:
      A tuple with one entry for each tag: its code, its TIFF data type, the number of
      its values, and the values. The tuple is empty if the file is not a GeoTIFF.
    """
    import tifffile

    with tifffile.TiffFile(path) as file:
        tags = file.pages[0].aspage().tags
        kept = [tags[code] for code in GEO_TAGS if code in tags]
        return tuple((tag.code, int(tag.dtype), tag.count, tag.value) for tag in kept)
