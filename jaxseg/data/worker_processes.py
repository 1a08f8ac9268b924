"""Reads batches of examples in several processes at the same time.

One Python process cannot use many cores, because parts of the reading hold the global
interpreter lock. Worker process k of n therefore creates the batches k, k + n, k + 2n
and so on. The main process yields all batches in ascending order.
"""

from __future__ import annotations

import dataclasses
import logging
import multiprocessing
import multiprocessing.connection
import os
import pickle
import signal
import sys
import threading
from collections.abc import Callable, Iterator

import grain
import numpy as np
from absl import flags

from jaxseg.text import as_message

AHEAD = 2  # The number of finished batches that each process keeps.
Example = dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Workers:
    """Contains the numbers of processes and threads that read a stream of batches.

    Attributes:
      threads: The number of threads in each process that reads.
      processes: The number of worker processes. If it is 0, the threads of this process
        read.
    """

    threads: int
    processes: int = 0


class WorkerStopped(OSError):
    """Is raised if a worker process that reads batches has ended too early.

    Args:
      error: The error of Grain, which states the exit status of the process.
    """

    def __init__(self, error: object) -> None:
        reason = str(error).split(". ")[0]
        super().__init__(
            f"a process that reads training data has stopped: {as_message(reason)}. "
            "Check that the machine has enough memory, and that a script of your own "
            "trains inside `if __name__ == '__main__':`. Or pass "
            "--data.worker-processes 0."
        )


def process_batches(
    example: Callable[[int], Example],
    start: int,
    stop: int,
    *,
    share: int,
    workers: Workers,
) -> Iterator[Example]:
    """Yields batches of consecutive examples that worker processes read in advance.

    Args:
      example: A function that returns the example with a given index. It is pickled
        together with everything that it refers to.
      start: The first index.
      stop: The index after the last one.
      share: The number of examples per batch that this process yields.
      workers: The numbers of processes and threads.

    Raises:
      WorkerStopped: If a process ends before its work is done.
    """
    if not flags.FLAGS.is_parsed():  # Grain reads flags of absl, which need a value.
        flags.FLAGS.mark_as_parsed()
    threads = max(1, workers.threads)
    ahead = grain.ReadOptions(num_threads=threads, prefetch_buffer_size=threads)
    batches = grain.MapDataset.range(start, stop).map(_Portable(example)).batch(share)
    options = grain.MultiprocessingOptions(
        num_workers=workers.processes, per_worker_buffer_size=AHEAD
    )
    # The map keeps Grain from writing batches to shared memory before they are sent,
    # because it would not free the batches that are never sent.
    read = batches.to_iter_dataset(ahead).map(_unchanged)
    iterator = iter(read.mp_prefetch(options, worker_init_fn=_begin))
    try:
        for batch in iterator:
            # A copy frees the memory that both processes share before the run ends.
            yield {name: np.array(value) for name, value in batch.items()}
    except RuntimeError as error:
        if not str(error).startswith("Worker process"):
            raise
        raise WorkerStopped(error) from error
    finally:
        iterator.close()


@dataclasses.dataclass(frozen=True)
class _Portable:
    """Calls a function and replaces errors that another process could not receive."""

    function: Callable[[int], Example]

    def __call__(self, index: int) -> Example:
        try:
            return self.function(index)
        except Exception as error:
            try:
                received = pickle.loads(pickle.dumps(error))
            except Exception:
                received = None
            if type(received) is type(error):
                raise
            raise ValueError(as_message(error)) from None


def _unchanged(batch: Example) -> Example:
    return batch


def _begin(index: int, count: int) -> None:
    """Prepares a process that reads.

    It must neither use a device, nor stop by an interrupt from the keyboard, after
    which the main process still saves a checkpoint, nor live longer than that process.
    """
    del index, count
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.getLogger("absl").setLevel(logging.ERROR)  # It reports on every builder.
    if "jax" in sys.modules:  # Grain imports it.
        sys.modules["jax"].config.update("jax_platforms", "cpu")
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)
