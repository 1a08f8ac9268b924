"""Writes metrics and pictures of training steps to event files of TensorBoard.

The module does not use tensorboardX, because that library imports PyTorch if it is
installed, which takes seconds and hundreds of megabytes at the start of every run.

A file is a sequence of records: length, checksum, data, checksum (TensorFlow's
`TFRecord` format). The data are `Event` messages in the wire format of protocol
buffers, of which three fields are needed.
"""

from __future__ import annotations

import functools
import itertools
import os
import socket
import struct
import time
from pathlib import Path

FLUSH = 10.0  # seconds between two flushes to the file
_NUMBERS = itertools.count()  # two writers in the same second have different files
_POLYNOMIAL = 0x82F63B78  # of CRC-32C, reversed
_RGB = 3  # `Summary.Image.colorspace`
_START = 1  # `SessionLog.START`: readers drop what an earlier file has from here on


class EventWriter:
    """Appends scalars and pictures to a new event file in a directory.

    Args:
      directory: The directory of the file.
      purge_step: TensorBoard ignores the events of this step and of later steps in
        earlier files.
    """

    def __init__(self, directory: str | Path, *, purge_step: int) -> None:
        now = time.time()
        name = f"events.out.tfevents.{int(now)}.{socket.gethostname()}"
        name += f".{os.getpid()}.{next(_NUMBERS)}"
        self._file = (Path(directory) / name).open("xb")
        self._flushed = time.monotonic()
        self._write(purge_step, _text(3, "brain.Event:2"))
        self._write(purge_step, _bytes(7, _number(1, _START)))

    def add_scalar(self, tag: str, value: float, step: int) -> None:
        """Writes one value of the curve `tag` at a step."""
        scalar = _text(1, tag) + _key(2, 5) + struct.pack("<f", value)
        self._write(step, _bytes(5, _bytes(1, scalar)))
        if time.monotonic() > self._flushed + FLUSH:
            self._file.flush()
            self._flushed = time.monotonic()

    def add_image(self, tag: str, png: bytes, step: int) -> None:
        """Writes the content of a PNG file as the picture `tag` at a step."""
        # The header of a PNG file has width and height at bytes 16 to 24.
        width, height = struct.unpack(">II", png[16:24])
        size = _number(1, height) + _number(2, width) + _number(3, _RGB)
        image = _text(1, tag) + _bytes(4, size + _bytes(4, png))
        self._write(step, _bytes(5, _bytes(1, image)))
        self._file.flush()

    def close(self) -> None:
        """Flushes and closes the event file."""
        self._file.close()

    def _write(self, step: int, content: bytes) -> None:
        event = _key(1, 1) + struct.pack("<d", time.time()) + _number(2, step) + content
        length = struct.pack("<Q", len(event))
        self._file.write(length + _checksum(length) + event + _checksum(event))


def _key(field: int, wire_type: int) -> bytes:
    return _varint(field << 3 | wire_type)


def _number(field: int, value: int) -> bytes:
    return _key(field, 0) + _varint(value)


def _bytes(field: int, value: bytes) -> bytes:
    return _key(field, 2) + _varint(len(value)) + value


def _text(field: int, value: str) -> bytes:
    return _bytes(field, value.encode())


def _varint(value: int) -> bytes:
    """Encodes an integer as a varint: seven bits per byte, the lowest first."""
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])


def _checksum(data: bytes) -> bytes:
    """Returns the masked CRC-32C of a record."""
    table, crc = _table(), 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ table[(crc ^ byte) & 0xFF]
    crc ^= 0xFFFFFFFF
    masked = (crc >> 15 | crc << 17) + 0xA282EAD8
    return struct.pack("<I", masked & 0xFFFFFFFF)


@functools.cache
def _table() -> tuple[int, ...]:
    """Returns the CRC-32C of each of the 256 bytes."""
    values = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
        values.append(value)
    return tuple(values)
