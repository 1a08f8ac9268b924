"""JSON files that appear complete, or not at all."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from jaxseg.storage import atomic


def write_json(path: str | Path, value: Any) -> None:
    """Replaces a file by `value` as indented JSON, in one step; see `plain`."""
    atomic.write_text(path, json.dumps(plain(value), indent=2) + "\n")


def write_lines(path: str | Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Replaces a file by one JSON object per line, in one step; see `plain`."""
    atomic.write_text(path, "".join(json.dumps(plain(row)) + "\n" for row in rows))


def append_line(path: str | Path, row: Mapping[str, Any]) -> None:
    """Adds one JSON object as the last line of a file, in one step; see `plain`.

    A last line that a crash cut is ended first, so that it does not spoil the new one.
    """
    line = (json.dumps(plain(row)) + "\n").encode()
    target = Path(path)
    if target.exists() and not target.is_file():  # a terminal, a pipe
        with target.open("ab") as file:
            file.write(line)
        return
    before = target.read_bytes() if target.exists() else b""
    gap = b"\n" if before and not before.endswith(b"\n") else b""
    atomic.write_bytes(target, before + gap + line)


def parse_json(text: str | bytes) -> Any:
    """Parses JSON like `json.loads`, and refuses what is nested too deeply as well.

    Raises:
      json.JSONDecodeError: The text is not JSON, or Python cannot hold its nesting.
    """
    try:
        return json.loads(text)
    except RecursionError:
        shown = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
        raise json.JSONDecodeError("nested too deeply", shown, 0) from None


def plain(value: Any) -> Any:
    """Converts a value to what JSON can hold.

    NumPy scalars and arrays become numbers and lists, tuples become lists, keys become
    strings, and numbers that are not finite become None.
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
