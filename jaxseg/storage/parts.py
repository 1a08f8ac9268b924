"""Stores growing files in a bucket as a sequence of objects, the parts of the file.

A bucket cannot append to an object. A growing file is therefore cut into parts of about
`PART` bytes. When the file has grown, only its last part is written again, and new
parts are added. The first part has the name of the file; the name of every other part
ends with the position of its first byte in the file. A part consists of whole records,
which are lines or TensorBoard events. Each part of an event file is thus an event file
of its own.
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Mapping
from pathlib import Path

from jaxseg.storage.bucket import Bucket

PART = 1 << 18  # bytes after which the next record begins a new part
EVENTS = "events.out.tfevents."
_LATER = re.compile(r"(?P<name>.+)\.at(?P<start>\d{12})")


def grows(name: str) -> bool:
    """Returns whether a run appends to the file of this name.

    >>> grows("metrics.jsonl"), grows("events.out.tfevents.17.host"), grows("a.json")
    (True, True, False)
    """
    last = name.rpartition("/")[2]
    return last.endswith(".jsonl") or last.startswith(EVENTS)


def part_name(name: str, start: int) -> str:
    """Returns the name of the part of a file that begins at a position.

    >>> part_name("metrics.jsonl", 0), part_name("metrics.jsonl", 300000)
    ('metrics.jsonl', 'metrics.jsonl.at000000300000')
    """
    return f"{name}.at{start:012}" if start else name


def file_of_part(name: str) -> tuple[str, int]:
    """Returns a pair: the file to which a part belongs, and where the part begins."""
    found = _LATER.fullmatch(name)
    return (found["name"], int(found["start"])) if found else (name, 0)


def cut(name: str, content: bytes) -> dict[int, bytes]:
    """Cuts the content of a growing file into parts.

    If the content grows, all parts except the last one stay the same.

    Args:
      name: The name of the file. It determines whether the records are lines or
        TensorBoard events.
      content: The content. An incomplete record at its end is left out.

    Returns:
      A dictionary from the position of the first byte of each part to its content.
    """
    events = name.rpartition("/")[2].startswith(EVENTS)
    ends = _event_ends(content) if events else _line_ends(content)
    parts, start, last = {}, 0, 0
    for last in ends:
        if last - start >= PART:
            parts[start] = content[start:last]
            start = last
    if last > start or not parts:
        parts[start] = content[start:last]
    return parts


def join(parts: Mapping[int, bytes]) -> bytes:
    """Joins the parts of a file.

    Parts must follow each other without gaps. From the first gap or overlap on, all
    parts are left out. Such parts remain if a process is killed while it shortens a
    file.

    Args:
      parts: A dictionary from the position of the first byte of each part to its
        content.
    """
    content = b""
    for start in sorted(parts):
        if start != len(content):
            break
        content += parts[start]
    return content


class GrowingFile:
    """Copies one growing local file to a bucket.

    Args:
      bucket: The bucket.
      name: The name of the file in the bucket.
      stored: The parts that the bucket contains: a dictionary from the position of the
        first byte of each part to its content. None stands for no parts.
    """

    def __init__(
        self, bucket: Bucket, name: str, stored: Mapping[int, bytes] | None = None
    ) -> None:
        self._bucket, self._name = bucket, name
        self._stored = {start: _digest(part) for start, part in (stored or {}).items()}

    def copy(self, path: Path) -> None:
        """Writes the parts that have changed since the last call.

        Args:
          path: The local file.
        """
        parts = cut(self._name, path.read_bytes())
        for start, content in parts.items():
            if self._stored.get(start) != (digest := _digest(content)):
                self._bucket.write(part_name(self._name, start), content)
                self._stored[start] = digest
        # A shorter file is complete before the parts that it no longer has are deleted.
        for start in sorted(self._stored.keys() - parts.keys()):
            self._bucket.delete([part_name(self._name, start)])
            del self._stored[start]


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _line_ends(content: bytes) -> list[int]:
    ends, place = [], content.find(b"\n")
    while place >= 0:
        ends.append(place + 1)
        place = content.find(b"\n", place + 1)
    return ends


def _event_ends(content: bytes) -> list[int]:
    """Returns the ends of the complete records: length, checksum, data, checksum."""
    ends, place = [], 0
    while place + 8 <= len(content):
        (length,) = struct.unpack_from("<Q", content, place)
        place += length + 16
        if place > len(content):
            break
        ends.append(place)
    return ends
