"""Sends content to Google Cloud Storage that gcsfs would cut off.

gcsfs sends small objects in multipart messages, in which a line feed separates the
content from the boundary. If the content ends with a carriage return, a server that
follows RFC 2046 takes both characters as the line end before the boundary. The object
then lacks its last byte. This module sends such content as the whole body of a request.

References:
  RFC 2046, section 5.1.1: the line break before a boundary belongs to the boundary.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

SMALL = 5 * 2**20  # gcsfs sends files of at least this size without multipart messages


def ends_badly(path: Path) -> bool:
    """Returns whether gcsfs could cut off the last byte of a file."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        if not 0 < size < SMALL:
            return False
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\r"


def send(files: Any, bucket: str, name: str, data: bytes) -> None:
    """Writes an object, which replaces any earlier content.

    Args:
      files: The file system of gcsfs.
      bucket: The name of the bucket.
      name: The name of the object in the bucket.
      data: The content.
    """
    files.call(
        "POST",
        files.base.replace("/storage/v1/", "/upload/storage/v1/") + "b/{}/o",
        bucket,
        uploadType="media",
        name=name,
        headers={"Content-Type": "application/octet-stream"},
        data=data,
    )
