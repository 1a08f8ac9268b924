"""Reads protocol buffers without the definition of their messages.

A message is a sequence of fields. A field starts with the integer 8 * NUMBER + TYPE,
which is stored as a varint. The type determines the value that follows: type 0 is a
varint, type 1 has eight bytes, type 2 is a length followed by that number of bytes
(text or another message), and type 5 has four bytes.
"""

from __future__ import annotations

from collections.abc import Iterator

_FIXED = {1: 8, 5: 4}  # The number of bytes of each type of fixed size.


def fields(message: bytes | memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yields the number and the value of each field of a protocol buffer message.

    Args:
      message: The bytes of a message.

    Yields:
      The number of the field, and its value: an integer for varints, otherwise bytes.

    Raises:
      ValueError: If the message is truncated or not in this format.

    Example:
      >>> [(number, value) for number, value in fields(bytes([8, 150, 1]))]
      [(1, 150)]
    """
    view, place = memoryview(message), 0
    while place < len(view):
        key, place = _varint(view, place)
        number, kind = key >> 3, key & 7
        value, after = _varint(view, place) if kind in (0, 2) else (0, place)
        if kind == 0:
            yield number, value
            place = after
            continue
        if kind not in (2, *_FIXED):
            raise ValueError(f"unexpected type {kind} of field {number}")
        end = after + (value if kind == 2 else _FIXED[kind])
        if end > len(view):
            raise ValueError(
                f"the content of field {number} is longer than the message"
            )
        yield number, view[after:end]
        place = end


def _varint(view: memoryview, place: int) -> tuple[int, int]:
    """Returns an integer of seven bits per byte, and the place after it."""
    value = shift = 0
    while place < len(view) and shift < 64:
        byte = view[place]
        place, value, shift = place + 1, value | (byte & 127) << shift, shift + 7
        if byte < 128:
            return value, place
    raise ValueError("an integer is cut off, or has more than 64 bits")
