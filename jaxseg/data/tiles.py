"""Encodes an image in square tiles, so that a part of it can be decoded alone.

The encoding is lossless and accepts every image and label that jaxseg reads. An encoded
image starts with a header that states its shape and type. A table with the number of
bytes of each tile comes next, and then the tiles, row by row. Every tile is compressed
with Zstandard, which decodes about ten times as fast as PNG. The tiles of an image, but
not those of a label, contain differences, which compress better than pixels: each
channel minus the channel before it, and then each row minus the row above.
"""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Iterator

import numpy as np
import pyarrow

from jaxseg.data.area import Area

MAGIC = b"jaxtile1"
SIDE = 128  # Pixels per side of a tile. Crops of 512 x 512 are read fastest with it.
_HEADER = struct.Struct("<8sIIHHBB")
_TYPES = (np.dtype("u1"), np.dtype("<u2"), np.dtype("<f4"))
_CODEC = "zstd"


@dataclasses.dataclass(frozen=True)
class TileHeader:
    """Contains the properties of an encoded image that its header states.

    Attributes:
      size: The (H, W) in pixels.
      channels: The number of channels, or 0 for pixels without a channel axis.
      side: The number of pixels per side of a tile.
      dtype: The type of the pixels.
      differences: Whether the tiles contain differences of neighboring pixels.
    """

    size: tuple[int, int]
    channels: int
    side: int
    dtype: np.dtype
    differences: bool

    def grid(self, area: Area) -> Iterator[tuple[int, Area]]:
        """Yields the index and the area of each tile that overlaps the given area.

        Tiles are numbered row by row. The area of a tile is that of the whole tile,
        even if only a part of it overlaps. It is in pixel coordinates of the image.
        """
        height, width = self.size
        per_row = -(-width // self.side)
        for row in range(area.rows[0] // self.side, -(-area.rows[1] // self.side)):
            rows = row * self.side, min((row + 1) * self.side, height)
            first, last = area.columns[0] // self.side, -(-area.columns[1] // self.side)
            for column in range(first, last):
                columns = column * self.side, min((column + 1) * self.side, width)
                yield row * per_row + column, Area(rows, columns, self.size)

    @property
    def count(self) -> int:
        """Returns the number of tiles of the encoded image."""
        return int(np.prod([-(-length // self.side) for length in self.size]))


def is_tiled(data: bytes) -> bool:
    """Returns whether bytes start with the signature that `encode` writes."""
    return data[: len(MAGIC)] == MAGIC


def encode(
    pixels: np.ndarray, *, differences: bool, level: int = 1, side: int = SIDE
) -> bytes:
    """Returns the bytes of an image or a label that is encoded in tiles.

    Args:
      pixels: Uint8, uint16 or float32, [H, W] or [H, W, C].
      differences: Whether to store differences of neighboring pixels instead of pixels.
        The result is smaller for photographs and larger for labels.
      level: The compression level of Zstandard, 1 to 19. Higher levels take longer and
        give fewer bytes.
      side: The number of pixels per side of a tile.

    Raises:
      ValueError: If the pixels have another type.
    """
    dtype = (
        pixels.dtype.newbyteorder("<") if pixels.dtype.itemsize > 1 else pixels.dtype
    )
    if dtype not in _TYPES or pixels.ndim not in (2, 3):
        raise ValueError(
            f"pixels of type {pixels.dtype} with {pixels.ndim} axes are invalid: "
            "expected uint8, uint16 or float32, [H, W] or [H, W, C]."
        )
    channels = pixels.shape[2] if pixels.ndim == 3 else 0
    header = TileHeader(
        pixels.shape[:2],
        channels=channels,
        side=side,
        dtype=dtype,
        differences=differences,
    )
    codec = pyarrow.Codec(_CODEC, compression_level=level)
    parts = [
        codec.compress(_forth(area.of(pixels), header), asbytes=True)
        for _, area in header.grid(Area.whole(header.size))
    ]
    start = _HEADER.pack(
        *(MAGIC, *header.size, channels, side, _TYPES.index(dtype), differences)
    )
    lengths = np.array([len(part) for part in parts], "<u4")
    return b"".join([start, lengths.tobytes(), *parts])


def read_tile_header(data: bytes) -> TileHeader:
    """Returns the `TileHeader` of an image that `encode` has encoded.

    Args:
      data: The result of `encode`.

    Raises:
      ValueError: If the header is damaged.
    """
    try:
        magic, height, width, channels, side, kind, differences = _HEADER.unpack_from(
            data
        )
        header = TileHeader(
            (height, width),
            channels=channels,
            side=side,
            dtype=_TYPES[kind],
            differences=bool(differences),
        )
        if magic == MAGIC and min(height, width, side) > 0:
            return header
    except (struct.error, IndexError):
        pass
    raise ValueError(
        "The stored image is damaged: expected a valid tile header at its start."
    )


def decode(data: bytes, area: Area | None = None) -> np.ndarray:
    """Decodes the image that `encode` has encoded, or an area of it.

    Only tiles that overlap the area are decoded.

    Args:
      data: The result of `encode`.
      area: The part of the image to return. The default is the whole image.

    Returns:
      The pixels, [h, w] or [h, w, C].

    Raises:
      ValueError: If the data are damaged.
    """
    header = read_tile_header(data)
    area = area or Area.whole(header.size)
    lengths = np.frombuffer(data, "<u4", header.count, _HEADER.size)
    stops = np.cumsum(lengths, dtype=np.int64) + _HEADER.size + lengths.nbytes
    if stops[-1] != len(data):
        raise ValueError(
            f"The stored image is damaged: expected {stops[-1]} bytes, found "
            f"{len(data)}."
        )
    shape = [stop - start for start, stop in (area.rows, area.columns)]
    found = np.empty([*shape, max(header.channels, 1)], header.dtype)
    codec, view = pyarrow.Codec(_CODEC), memoryview(data)
    for number, tile in header.grid(area):
        height, width = (stop - start for start, stop in (tile.rows, tile.columns))
        volume = height * width * found.shape[2] * header.dtype.itemsize
        stop = int(stops[number])
        part = codec.decompress(view[stop - int(lengths[number]) : stop], volume)
        planes = np.frombuffer(part, np.uint8).reshape(
            header.dtype.itemsize, found.shape[2], height, width
        )
        _back(planes, tile, header, area, found)
    return found if header.channels else found[..., 0]


def _forth(pixels: np.ndarray, header: TileHeader) -> bytes:
    """Returns the bytes of a tile before compression, as planes [byte, C, h, w]."""
    words = np.ascontiguousarray(pixels, header.dtype).view(_unsigned(header.dtype))
    if not header.channels:
        words = words[..., None]
    planes = np.moveaxis(words, -1, 0).copy("C")
    if header.differences:
        if header.dtype.kind == "u":
            planes[1:] -= planes[:-1].copy()
        planes[:, 1:] -= planes[:, :-1].copy()
    split = planes[..., None].view(np.uint8)
    return np.ascontiguousarray(np.moveaxis(split, -1, 0)).tobytes()


def _back(
    planes: np.ndarray, tile: Area, header: TileHeader, area: Area, found: np.ndarray
) -> None:
    """Writes the pixels of a tile that are inside an area to the array of the area.

    Differences of rows are added up from the first row of the tile.
    """
    (top, bottom), (left, right) = (
        (max(one[0], other[0]), min(one[1], other[1]))
        for one, other in ((tile.rows, area.rows), (tile.columns, area.columns))
    )
    first, last = top - tile.rows[0], bottom - tile.rows[0]
    start = 0 if header.differences else first
    inner = slice(left - tile.columns[0], right - tile.columns[0])
    words = _joined(planes[:, :, start:last, inner], header.dtype)
    if header.differences:
        words = np.add.accumulate(words, axis=1, dtype=words.dtype)[:, first:]
        if header.dtype.kind == "u":
            for channel in range(1, len(words)):
                words[channel] += words[channel - 1]
    place = found[
        top - area.rows[0] : bottom - area.rows[0],
        left - area.columns[0] : right - area.columns[0],
    ]
    for channel, plane in enumerate(words):
        place[..., channel] = plane.view(header.dtype)


def _joined(planes: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Returns unsigned integers [C, h, w] from planes of their bytes."""
    if len(planes) == 1:
        return planes[0]
    split = np.empty((*planes.shape[1:], len(planes)), np.uint8)
    for place, plane in enumerate(planes):
        split[..., place] = plane
    return split.view(_unsigned(dtype))[..., 0]


def _unsigned(dtype: np.dtype) -> np.dtype:
    return np.dtype(f"<u{dtype.itemsize}")
