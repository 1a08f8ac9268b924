"""Runs images through three stages in threads: decode, network, encode.

Images wait in groups. All images of a group have the same padded size and options, so
that they can share a batch. A batch is taken when a group has enough images for a full
batch, or when the network is idle and an image has waited for the permitted time. If an
image has waited that long, the batch is taken from the group whose first image has
waited longest. Frequent sizes thus cannot delay a rare one forever. Otherwise the batch
is taken from a group with enough images.

While the network runs on a batch, one thread decodes the next batch, and other threads
refine and encode the results of previous ones. A stage waits until the next one can
take its batch. The number of decoded images is therefore bounded.
"""

from __future__ import annotations

import collections
import concurrent.futures
import dataclasses
import queue
import threading
import time
from collections.abc import Hashable, Sequence
from concurrent.futures import Future
from typing import Any, Protocol


class Stages(Protocol):
    """Defines the functions of the three stages: decode, run (the network), encode.

    A key identifies a group of items. Only items of one group can share a batch.
    """

    def limit(self, key: Hashable) -> int:
        """Returns the largest number of items in a batch of the group `key`."""

    def decode(self, key: Hashable, item: Any) -> Any:
        """Returns the input of the network for one item, or raises an error."""

    def run(self, key: Hashable, inputs: Sequence[Any]) -> Sequence[Any]:
        """Returns the output of the network for each input of a batch."""

    def encode(self, key: Hashable, item: Any, output: Any) -> Any:
        """Returns the result for one item, given the network's output for this item."""


@dataclasses.dataclass(eq=False)
class Entry:
    """Contains an item that waits for its result.

    Attributes:
      key: The group of the item.
      item: The item.
      arrived: The time at which it was submitted.
      future: Receives the result.
      content: The input of the network, once it is decoded.
    """

    key: Hashable
    item: Any
    arrived: float
    future: Future = dataclasses.field(default_factory=Future)
    content: Any = None


class Pipeline:
    """Collects items into batches, and runs the three stages on them in threads.

    Args:
      stages: The functions of the stages.
      max_wait: The longest time in seconds that an item waits for others of its group.
        After this time, its group is the next one from which a batch is taken, unless
        an item of another group has waited longer.
      encoders: The number of threads that encode results.
    """

    def __init__(self, stages: Stages, *, max_wait: float, encoders: int) -> None:
        self._stages, self._max_wait = stages, max_wait
        self._groups: dict[Hashable, collections.deque[Entry]] = {}
        self._changed = threading.Condition()
        self._taken_batches, self._closing = 0, False
        self._decoded: queue.Queue = queue.Queue(maxsize=1)
        self._pool = concurrent.futures.ThreadPoolExecutor(encoders)
        self._finishing = threading.Semaphore(2)
        self._threads = [
            threading.Thread(target=work, daemon=True)
            for work in (self._decode_batches, self._run_batches)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, key: Hashable, item: Any) -> Future:
        """Adds an item to the group `key`, and returns a future of the item's result.

        If the future is canceled before the item is in a batch, the result is not
        computed.
        """
        entry = Entry(key, item, time.monotonic())
        with self._changed:
            if self._closing:
                raise RuntimeError("The pipeline is closed and accepts no items.")
            self._groups.setdefault(key, collections.deque()).append(entry)
            self._changed.notify_all()
        return entry.future

    @property
    def alive(self) -> bool:
        """Returns whether the threads run, so that items get their results."""
        return all(thread.is_alive() for thread in self._threads)

    def close(self) -> None:
        """Finishes all items, and then ends the threads."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()
        self._pool.shutdown(wait=True)

    def _decode_batches(self) -> None:
        try:
            while (entries := self._next_batch()) is not None:
                for entry in entries:
                    try:
                        entry.content = self._stages.decode(entry.key, entry.item)
                    except Exception as error:  # It belongs to who submitted the item.
                        entry.future.set_exception(error)
                self._decoded.put([e for e in entries if not e.future.done()])
        finally:  # The other thread must end, too, or `close` would wait forever.
            self._decoded.put(None)

    def _next_batch(self) -> list[Entry] | None:
        """Waits for a batch and returns it, or None at the end."""
        with self._changed:
            while True:
                self._drop_canceled()
                key, wait = self._ready(time.monotonic())
                if key is not None:
                    # Futures can be canceled at any time, also all of this batch.
                    if entries := self._taken(key):
                        self._taken_batches += 1
                        return entries
                elif self._closing and not self._groups:
                    return None
                else:
                    self._changed.wait(wait)

    def _ready(self, now: float) -> tuple[Hashable | None, float | None]:
        """Returns the group of the next batch, or how long to wait for one."""
        oldest = sorted(self._groups.items(), key=lambda pair: pair[1][0].arrived)
        if not oldest:
            return None, None
        full = [key for key, found in oldest if len(found) >= self._stages.limit(key)]
        if self._taken_batches and not full:
            return None, None
        key, entries = oldest[0]
        left = entries[0].arrived + self._max_wait - now
        if left <= 0 or self._closing:
            return key, None
        return (full[0], None) if full else (None, left)

    def _taken(self, key: Hashable) -> list[Entry]:
        """Removes a batch from a group, and returns its items that are not canceled."""
        group, count = self._groups[key], self._stages.limit(key)
        # Batches have 1, 2, 4, ... images, so that few programs are compiled.
        count = 1 << (min(count, len(group)).bit_length() - 1)
        found = [group.popleft() for _ in range(count)]
        if not group:
            del self._groups[key]
        return [e for e in found if e.future.set_running_or_notify_cancel()]

    def _drop_canceled(self) -> None:
        for key, group in list(self._groups.items()):
            kept = [entry for entry in group if not entry.future.cancelled()]
            if len(kept) != len(group):
                self._groups[key] = collections.deque(kept)
            if not kept:
                del self._groups[key]

    def _run_batches(self) -> None:
        while (entries := self._decoded.get()) is not None:
            self._finishing.acquire()
            try:
                self._run_batch(entries)
            except Exception as error:
                self._finishing.release()
                for entry in entries:
                    entry.future.set_exception(error)
            with self._changed:
                self._taken_batches -= 1
                self._changed.notify_all()

    def _run_batch(self, entries: list[Entry]) -> None:
        """Runs the network and starts to encode the results."""
        if not entries:
            self._finishing.release()
            return
        key = entries[0].key
        outputs = self._stages.run(key, [entry.content for entry in entries])
        left = threading.Semaphore(len(entries) - 1)  # The last one frees the batch.
        for entry, output in zip(entries, outputs, strict=True):
            entry.content = None
            self._pool.submit(self._finish, entry, output, left)

    def _finish(self, entry: Entry, output: Any, left: threading.Semaphore) -> None:
        try:
            entry.future.set_result(
                self._stages.encode(entry.key, entry.item, output),
            )
        except Exception as error:  # It belongs to the one who submitted the item.
            entry.future.set_exception(error)
        finally:
            if not left.acquire(blocking=False):
                self._finishing.release()
