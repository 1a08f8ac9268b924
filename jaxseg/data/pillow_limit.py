"""Turns off Pillow's limit for the size of images while jaxseg reads a file.

Pillow has one limit for the whole process. For the files that jaxseg reads,
`ReadOptions.max_pixels` is used instead. When other code in the process uses Pillow,
the limit of Pillow still applies.
"""

from __future__ import annotations

import threading

from PIL import Image


class _Lifted:
    """Lifts the limit while at least one thread is in this context."""

    def __init__(self):
        self._lock = threading.Lock()
        self._users = 0
        self._saved: int | None = None

    def __enter__(self):
        with self._lock:
            if self._users == 0:
                self._saved, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
            self._users += 1

    def __exit__(self, *error):
        with self._lock:
            self._users -= 1
            if self._users == 0:
                Image.MAX_IMAGE_PIXELS = self._saved


lifted = _Lifted()
