"""Keeps decoded examples in memory, up to a limit."""

from __future__ import annotations

import logging
import threading
from typing import Any

logger = logging.getLogger(__name__)
CACHE_LIMIT = 8 * 2**30  # The largest number of decoded bytes that a source keeps.


class ExampleCache:
    """Keeps decoded examples in memory. The total size of their arrays is limited.

    If the cache is pickled to send it to another process, the copy there is empty.

    Args:
      title: The dataset and the split, for a warning when the cache is full. If it is
        empty, there is no warning.
      count: The number of examples of the split.
      limit: The largest number of bytes. The default is `CACHE_LIMIT`.
    """

    def __init__(self, title: str, count: int, *, limit: int | None = None) -> None:
        self._title = title
        self._count = count
        self._limit = CACHE_LIMIT if limit is None else limit
        self._examples: dict[int, dict[str, Any]] = {}
        self._bytes = 0
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[Any, ...]:
        """Leaves out the examples when the cache is pickled."""
        return _empty, (self._title, self._count, self._limit)

    @property
    def is_full(self) -> bool:
        """Returns whether the cache is full, so that it keeps no further example."""
        return self._bytes > self._limit

    def divided(self, processes: int) -> ExampleCache:
        """Returns an empty cache for one of several processes that read together.

        Its limit is the limit of this cache divided by `processes`. It logs no warning.
        """
        return _empty("", self._count, self._limit // processes)

    def get(self, index: int) -> dict[str, Any] | None:
        """Returns the arrays of an example, or None if the cache lacks the example."""
        return self._examples.get(index)

    def keep(self, index: int, example: dict[str, Any]) -> dict[str, Any]:
        """Keeps an example if the cache is not full, and returns the example.

        Args:
          index: The index of the example.
          example: {"image", "label", "id"}. Kept arrays become read-only.
        """
        with self._lock:
            if index in self._examples or self.is_full:
                return example
            for name in ("image", "label"):
                example[name].setflags(write=False)
                self._bytes += example[name].nbytes
            self._examples[index] = example
            if self.is_full and self._title:
                logger.warning(
                    "The cache of %s is full with %d of %d images. The other images "
                    "are decoded each time.",
                    *(self._title, len(self._examples), self._count),
                )
        return example


def _empty(title: str, count: int, limit: int) -> ExampleCache:
    return ExampleCache(title, count, limit=limit)
