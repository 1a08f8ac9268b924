"""Results in order, in bounded memory, and threads that end."""

import threading
import time

import pytest

from jaxseg.inference.ahead import map_ahead


def test_results_keep_the_order_and_few_are_made_ahead():
    running, most, lock = set(), 0, threading.Lock()

    def slow(item):
        nonlocal most
        with lock:
            running.add(item)
            most = max(most, len(running))
        time.sleep(0.02 if item % 3 == 0 else 0.001)
        return item * item

    taken = 0
    for taken, result in enumerate(map_ahead(slow, range(30), threads=3, ahead=4)):
        assert result == taken**2
        with lock:
            running.discard(taken)
    assert taken == 29 and 2 <= most <= 5


def test_an_error_comes_after_the_results_before_it():
    def items():
        yield from (1, 2)
        raise OSError("disk full")

    found = map_ahead(lambda item: 10 * item, items(), threads=2, ahead=8)
    assert [next(found), next(found)] == [10, 20]
    with pytest.raises(OSError, match="disk full"):
        next(found)


def test_closing_drops_what_has_not_started_and_closes_the_source():
    started, closed = [], []

    def items():
        try:
            yield from range(100)
        finally:
            closed.append(True)

    def work(item):
        started.append(item)
        time.sleep(0.01)

    before = threading.active_count()
    found = map_ahead(work, items(), threads=1, ahead=50)
    next(found)
    found.close()
    assert closed and len(started) < 10
    assert threading.active_count() == before
