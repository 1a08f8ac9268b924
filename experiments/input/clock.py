"""Measures CPU time."""

from __future__ import annotations

import time
from collections.abc import Callable


def clocked(times: list[float], work: Callable, *args, **options):
    """Calls a function and appends its CPU time in milliseconds."""
    start = time.process_time()
    result = work(*args, **options)
    times.append(1e3 * (time.process_time() - start))
    return result
