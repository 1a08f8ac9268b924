"""Avoids repeated warnings about prepared data when several splits are opened."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

# These modules log warnings that concern all splits whenever a split is opened.
LOGGERS = ("jaxseg.data.prepared_warnings", "jaxseg.data.mix.space")


@contextlib.contextmanager
def each_warning_once() -> Iterator[None]:
    """Returns a context manager in which each warning about the data is logged once.

    A warning about a whole dataset would otherwise be logged for each split that is
    opened. Messages are compared by their text.
    """
    seen = set()

    def is_new(record: logging.LogRecord) -> bool:
        message = record.getMessage()
        new = message not in seen
        seen.add(message)
        return new

    loggers = [logging.getLogger(name) for name in LOGGERS]
    for logger in loggers:
        logger.addFilter(is_new)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(is_new)
