"""Applies a function to items in threads, before the caller asks for the results."""

from __future__ import annotations

import collections
import concurrent.futures
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_ahead(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    threads: int,
    ahead: int,
) -> Iterator[Result]:
    """Yields `function(item)` for each item, in the order of the items.

    Threads compute results before they are needed. At any time, at most `ahead` results
    are being computed or are waiting for the caller, so memory stays bounded. The items
    themselves are read in the caller's thread.

    If an item or a result raises an exception, the results before it are yielded first.
    When the iterator is closed, or on KeyboardInterrupt, calls that have not started
    are dropped, and the iterator waits for those that run.

    Args:
      function: A function that may be called in any thread.
      items: The items. If the iterable is a generator, it is closed at the end.
      threads: The number of threads.
      ahead: The largest number of results that are computed before they are taken.

    >>> list(map_ahead(str, [3, 1, 2], threads=2, ahead=2))
    ['3', '1', '2']
    """
    pool = concurrent.futures.ThreadPoolExecutor(threads)
    pending: collections.deque[concurrent.futures.Future] = collections.deque()
    source, error = iter(items), None
    try:
        while error is None:
            try:
                pending.append(pool.submit(function, next(source)))
            except StopIteration:
                break
            except Exception as raised:
                error = raised
            while len(pending) > ahead or (pending and pending[0].done()):
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
        if error is not None:
            raise error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        if close := getattr(source, "close", None):
            close()
