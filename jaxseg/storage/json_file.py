"""Parses JSON and writes JSON files atomically."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from jaxseg.storage import atomic


def write_json(path: str | Path, value: Any) -> None:
    """Writes a value to a file as indented JSON and replaces the file atomically.

    Args:
      path: The file.
      value: The value. `plain` first converts it to values that JSON can represent.
    """
    atomic.write_text(path, json.dumps(plain(value), indent=2) + "\n")


def write_lines(path: str | Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Writes one JSON object per line and replaces the file atomically.

    Args:
      path: The file.
      rows: The objects. `plain` first converts each to values that JSON can represent.
    """
    atomic.write_text(path, "".join(json.dumps(plain(row)) + "\n" for row in rows))


def append_line(path: str | Path, row: Mapping[str, Any]) -> None:
    """Appends one JSON object to a file as a new line; replaces the file atomically.

    If a crash has truncated the last line, a line break is written before the object.

    Args:
      path: The file.
      row: The object. `plain` first converts it to values that JSON can represent.
    """
    line = (json.dumps(plain(row)) + "\n").encode()
    target = Path(path)
    if target.exists() and not target.is_file():  # A terminal or a pipe.
        with target.open("ab") as file:
            file.write(line)
        return
    before = target.read_bytes() if target.exists() else b""
    gap = b"\n" if before and not before.endswith(b"\n") else b""
    atomic.write_bytes(target, before + gap + line)


def parse_json(text: str | bytes) -> Any:
    """Returns the Python value of a JSON text.

    If lists or objects are nested too deeply, `json.loads` raises RecursionError. This
    function raises JSONDecodeError instead.

    Args:
      text: The JSON text.

    Raises:
      json.JSONDecodeError: If the text is not JSON, or if it is nested too deeply.
    """
    try:
        return json.loads(text)
    except RecursionError:
        shown = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
        raise json.JSONDecodeError(
            "the JSON text is nested too deeply", shown, 0
        ) from None


def plain(value: Any) -> Any:
    """Converts a Python value to values that JSON can represent.

    NumPy scalars and arrays become numbers and lists, tuples become lists, keys become
    strings, and numbers that are not finite become None.

    Args:
      value: The value.
    """
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
