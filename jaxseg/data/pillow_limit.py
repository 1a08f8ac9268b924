"""Pillow's own limit of image sizes, lifted while files of ours are open.

The limit is one number for the process. `ReadOptions.max_pixels` takes its place for
the files that jaxseg reads; what else uses Pillow in the process keeps it.
"""

from __future__ import annotations

import threading

from PIL import Image


class _Lifted:
    """A context in which there is no limit; uses in several threads are counted."""

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
