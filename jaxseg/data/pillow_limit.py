"""Lifts Pillow's limit of image sizes while jaxseg reads a file.

The limit is one number for the whole process. `ReadOptions.max_pixels` replaces it for
the files that jaxseg reads. Other users of Pillow in the process keep it.
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
