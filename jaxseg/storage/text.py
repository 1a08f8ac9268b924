"""Reads text files that people write by hand or export from other programs.

Editors use different encodings. A file is read as UTF-16 or UTF-32 if it starts with
the byte-order mark of that encoding, and as UTF-8 otherwise. A file that is not valid
in its encoding is refused, and the error names the line. Other encodings are not
guessed, because a wrong guess could change names without notice.
"""

from __future__ import annotations

import codecs
import pathlib
import re
import unicodedata
from typing import NamedTuple

MARKS = (  # UTF-32 comes first, because its mark starts like that of UTF-16.
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
LARGEST = 64 * 2**20  # In bytes.
BREAK = re.compile("\r\n|\r|\n")  # str.splitlines breaks at more characters.
MARK = "\ufeff"


class Line(NamedTuple):
    """Contains one line of a text file.

    Attributes:
      number: The number of the line, starting at 1.
      text: The text without surrounding white space.
    """

    number: int
    text: str


def read_text(path: pathlib.Path) -> str:
    """Returns the text of a file that is written by hand or by another program.

    Args:
      path: The file.

    Returns:
      The text without a byte-order mark.

    Raises:
      ValueError: If the file cannot be read, is larger than 64 MiB, has another
        encoding than its first bytes state, or contains control characters.
    """
    data = _bytes(path)
    mark, encoding = next(
        ((mark, name) for mark, name in MARKS if data.startswith(mark)), (b"", "utf-8")
    )
    data = data[len(mark) :]
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = _line_of(data[: error.start].decode(encoding, errors="replace"))
        likely = "UTF-16 without a byte-order mark" if b"\0" in data else "Latin-1"
        raise ValueError(
            f"{path}, line {line}: byte 0x{data[error.start]:02x} is invalid in "
            f"{encoding.removesuffix('-le').removesuffix('-be').upper()} text"
            f"{'' if mark else f' (the file may be {likely})'}. Save the file as UTF-8."
        ) from error
    _check_characters(text, path)
    return text


def read_lines(path: pathlib.Path) -> list[Line]:
    """Returns a list of those lines of a text file that are not blank.

    Lines end with a line feed, a carriage return or both. White space at both ends of a
    line is removed.

    Args:
      path: The file.

    Raises:
      ValueError: If `read_text` refuses the file.
    """
    lines = BREAK.split(read_text(path))
    numbered = (Line(k, line.strip()) for k, line in enumerate(lines, start=1))
    return [line for line in numbered if line.text]


def _bytes(path: pathlib.Path) -> bytes:
    if path.exists() and not path.is_file():  # Reading a pipe would wait forever.
        raise ValueError(f"{path} is not a regular file: expected a text file.")
    try:
        size = path.stat().st_size
        if size > LARGEST:
            raise ValueError(
                f"{path} has {size:,} bytes: expected a text file of at most "
                f"{LARGEST:,} bytes."
            )
        return path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}.") from error


def _check_characters(text: str, path: pathlib.Path) -> None:
    for found in re.finditer(f"[^\t\r\n -~]|{MARK}", text):
        character = found[0]
        if character != MARK and unicodedata.category(character) != "Cc":
            continue
        hint = ""
        if character == "\0":
            hint = " (the file may be UTF-16 without a byte-order mark)"
        raise ValueError(
            f"{path}, line {_line_of(text[: found.start()])}: the text contains the "
            f"control character U+{ord(character):04X}{hint}. Save the file as UTF-8 "
            "without control characters."
        )


def _line_of(before: str) -> int:
    return len(BREAK.findall(before)) + 1
