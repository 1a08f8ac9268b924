"""Decodes the instructions of a pickle program without executing them.

The length of every argument is bounded by the remaining bytes, and numbers and names
are bounded more tightly, so decoding takes time in proportion to the length of the
program.
"""

import codecs
import struct
from collections.abc import Callable
from typing import Any

LINE = 1_000  # The most bytes of a name that is written as a line of text.
DIGITS = 80  # The most bytes of a number that is written as a line of text.
INTEGER = 32  # The most bytes of an integer. Random generators store 16.


class Malformed(Exception):
    """Is raised for a pickle program that is incomplete or does something forbidden."""


Reader = Callable[
    [bytes, int], tuple[Any, int]
]  # Maps (data, start) to (argument, end).


def read(data: bytes, start: int) -> tuple[str, Any, int]:
    """Decodes the instruction at a position of a pickle program.

    Args:
      data: The pickle program.
      start: The position of the instruction in bytes.

    Returns:
      The name of the instruction, its argument and the position of the next one.

    Raises:
      Malformed: If the instruction is unknown or truncated.
    """
    if start >= len(data):
        raise Malformed(
            "the pickle program is truncated: the instruction that ends it is missing"
        )
    entry = _TABLE.get(data[start])
    if entry is None:
        raise Malformed(f"this is not a pickle: byte {start} is not an instruction")
    name, reader = entry
    if reader is None:
        return name, None, start + 1
    try:
        argument, end = reader(data, start + 1)
    except (struct.error, ValueError) as error:
        message = f"this is not a pickle, or it is damaged at byte {start}: {error}"
        raise Malformed(message) from None
    return name, argument, end


def _number(form: str) -> Reader:
    layout = struct.Struct(form)

    def reader(data: bytes, start: int) -> tuple[Any, int]:
        if start + layout.size > len(data):
            raise Malformed("the pickle program is truncated inside a number")
        return layout.unpack_from(data, start)[0], start + layout.size

    return reader


def _counted(form: str, convert: Callable[[bytes], Any], most: int = 1 << 62) -> Reader:
    """Reads a length, and as many bytes."""
    length = _number(form)

    def reader(data: bytes, start: int) -> tuple[Any, int]:
        count, first = length(data, start)
        if count < 0 or first + count > len(data):
            raise Malformed("the pickle program is truncated inside a string")
        if count > most:
            raise Malformed(
                f"an integer in the pickle program has {count} bytes: expected at most "
                f"{most}"
            )
        return convert(data[first : first + count]), first + count

    return reader


def _line(convert: Callable[[bytes], Any], most: int | None = None) -> Reader:
    """Reads text up to the end of the line."""

    def reader(data: bytes, start: int) -> tuple[Any, int]:
        last = len(data) if most is None else start + most
        end = data.find(b"\n", start, last)
        if end < 0:
            raise Malformed(
                "this is not a pickle, or it is truncated: expected a line break "
                "after a text argument"
            )
        return convert(data[start:end]), end + 1

    return reader


def _global(data: bytes, start: int) -> tuple[tuple[str, str], int]:
    """Reads two lines: the module and the name."""
    module, middle = _name(data, start)
    name, end = _name(data, middle)
    return (module, name), end


def _integer_text(line: bytes) -> int | bool:
    """Reads an integer or a boolean of protocol 0.

    It writes booleans as `00` and `01`, and long integers with an `L`.
    """
    if line in (b"00", b"01"):
        return line == b"01"
    return int(line.removesuffix(b"L"))


def _quoted(line: bytes) -> str | bytes:
    quote = line[:1]
    if len(line) < 2 or quote not in (b"'", b'"') or line[-1:] != quote:
        raise ValueError(
            "a text argument of the pickle program is malformed: expected quotes "
            "around it"
        )
    return _old_text(codecs.escape_decode(line[1:-1])[0])


def _old_text(value: bytes) -> str | bytes:
    """Reads a string of Python 2, which is text or the raw bytes of an array."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value


def _text(value: bytes) -> str:
    return value.decode("utf-8", "surrogatepass")


def _little_endian(value: bytes) -> int:
    return int.from_bytes(value, "little", signed=True)


_name = _line(bytes.decode, LINE)
_INDEX = _line(int, DIGITS)
_TABLE: dict[int, tuple[str, Reader | None]] = {
    code[0]: (name, reader)
    for code, name, reader in (
        (b"(", "mark", None),
        (b".", "stop", None),
        (b"0", "pop", None),
        (b"1", "pop_mark", None),
        (b"2", "duplicate", None),
        (b"\x80", "protocol", _number("<B")),
        (b"\x95", "frame", _number("<Q")),
        # Numbers.
        (b"N", "none", None),
        (b"\x88", "true", None),
        (b"\x89", "false", None),
        (b"I", "push", _line(_integer_text, DIGITS)),
        (b"L", "push", _line(_integer_text, DIGITS)),
        (b"F", "push", _line(float, DIGITS)),
        (b"J", "push", _number("<i")),
        (b"K", "push", _number("<B")),
        (b"M", "push", _number("<H")),
        (b"G", "push", _number(">d")),
        (b"\x8a", "push", _counted("<B", _little_endian, INTEGER)),
        (b"\x8b", "push", _counted("<i", _little_endian, INTEGER)),
        # Text and bytes.
        (b"S", "push", _line(_quoted)),
        (b"V", "push", _line(lambda line: line.decode("raw-unicode-escape"))),
        (b"T", "push", _counted("<i", _old_text)),
        (b"U", "push", _counted("<B", _old_text)),
        (b"X", "push", _counted("<I", _text)),
        (b"\x8c", "push", _counted("<B", _text)),
        (b"\x8d", "push", _counted("<Q", _text)),
        (b"B", "push", _counted("<I", bytes)),
        (b"C", "push", _counted("<B", bytes)),
        (b"\x8e", "push", _counted("<Q", bytes)),
        (b"\x96", "push", _counted("<Q", bytes)),
        # Containers.
        (b")", "empty_tuple", None),
        (b"]", "empty_list", None),
        (b"}", "empty_dict", None),
        (b"\x8f", "empty_set", None),
        (b"t", "tuple", None),
        (b"\x85", "tuple1", None),
        (b"\x86", "tuple2", None),
        (b"\x87", "tuple3", None),
        (b"l", "list", None),
        (b"d", "dict", None),
        (b"\x91", "frozenset", None),
        (b"a", "append", None),
        (b"e", "appends", None),
        (b"s", "set_item", None),
        (b"u", "set_items", None),
        (b"\x90", "add_items", None),
        # The memo.
        (b"p", "put", _INDEX),
        (b"q", "put", _number("<B")),
        (b"r", "put", _number("<I")),
        (b"\x94", "memoize", None),
        (b"g", "get", _INDEX),
        (b"h", "get", _number("<B")),
        (b"j", "get", _number("<I")),
        # Names and calls.
        (b"c", "name", _global),
        (b"\x93", "stack_name", None),
        (b"R", "call", None),
        (b"\x81", "new", None),
        (b"\x92", "new_with_names", None),
        (b"i", "instance", _global),
        (b"o", "object", None),
        (b"b", "build", None),
        (b"Q", "persistent", None),
        # Known instructions that are refused.
        (b"P", "PERSID", None),
        (b"\x82", "EXT1", None),
        (b"\x83", "EXT2", None),
        (b"\x84", "EXT4", None),
        (b"\x97", "NEXT_BUFFER", None),
        (b"\x98", "READONLY_BUFFER", None),
    )
}
