"""Passes each example of an evaluation to observers as soon as it is predicted.

An observer computes a small result from the label and the prediction of one example,
such as counts. These results are collected from all processes and sorted by the index
of the example. Whatever an observer computes from them in this order depends neither on
the batch size nor on the number of devices and processes.
"""

from __future__ import annotations

import collections
import dataclasses
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol

import numpy as np

from jaxseg.training.devices.gathering import gathered
from jaxseg.training.devices.placement import HostBatch
from jaxseg.training.devices.void_rows import FILL

MOST_THREADS = 8  # Each thread also holds waiting examples in memory.
WAITING = 4  # The number of examples per thread that wait in memory.


@dataclasses.dataclass(frozen=True, eq=False)
class Observed:
    """Contains one example of an evaluation, without the padding of its batch.

    Attributes:
      index: The index of the example in the split.
      name: The name of the example.
      inputs: The entries of the batch as they were read, such as "image" [H, W, C] and
        "label" [H, W].
      label: The label from which the scores are counted, [H, W], uint8 or uint16. Its
        values are the class numbers of the confusion matrix, and `void` at pixels
        that do not count. If classes can overlap, it is [H, W, K] (see
        `jaxseg.metrics.overlapping`). For a point cloud, it is [N].
      prediction: The predicted classes, with the shape and the class numbers of the
        label.
      void: The value of pixels that do not count.
      probabilities: The probabilities of the classes, float32 [..., K], or None if no
        observer has asked for them.
    """

    index: int
    name: str
    inputs: Mapping[str, np.ndarray]
    label: np.ndarray
    prediction: np.ndarray
    void: int
    probabilities: np.ndarray | None = None


class Observer(Protocol):
    """Computes a small result from each example of an evaluation.

    Attributes:
      needs_probabilities: Whether the observer reads `Observed.probabilities`.
    """

    @property
    def needs_probabilities(self) -> bool: ...

    def measure(self, example: Observed) -> Any:
        """Computes the result for one example.

        It consists of numbers, NumPy arrays and containers of these.

        Several threads call this method at the same time, in any order. It must not
        change the arrays of the example.
        """


class Observation:
    """Passes the examples of batches to observers, which work in threads.

    An `Observer` computes a small result from each example. Use this class in a `with`
    statement around `jaxseg.training.run.evaluate.count`, and pass its method `add` as
    the argument `observe` of that function.
    """

    def __init__(
        self,
        observers: Sequence[Observer],
        *,
        ids: Sequence[str],
        void: int,
        sizes: Sequence[tuple[int, int]] | None = None,
    ) -> None:
        """Starts the threads in which the observers work.

        Args:
          observers: The observers.
          ids: The names of the examples.
          void: The value of pixels that do not count.
          sizes: The (H, W) of each image before padding, or None for point clouds.
        """
        self._observers = tuple(observers)
        self._ids, self._void, self._sizes = ids, void, sizes
        self._results: dict[int, list[Any]] = {}
        self._waiting: collections.deque[tuple[int, Future]] = collections.deque()
        threads = min(os.cpu_count() or 1, MOST_THREADS)
        self._most = WAITING * threads
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="observer")

    def __enter__(self) -> Observation:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def add(self, batch: HostBatch, read: Callable[[], HostBatch]) -> None:
        """Passes the examples of a batch to the observers.

        Args:
          batch: This process's part of the batch. Examples with the index -1 are
            padding and are left out.
          read: The function that copies the labels and predictions of the batch to the
            host. `StepRunner.observe` returns it.
        """
        kept = read()
        for row, index in enumerate(batch["index"].tolist()):
            if index != FILL:
                self._submit(self._example(index, row, batch, kept))

    def results(self) -> list[list[Any]]:
        """Returns a list that contains, for each observer, the list of its results.

        Each inner list has one result for each example, in the order of the dataset.
        All processes must call this method, and each one receives the results of all
        processes.
        """
        while self._waiting:
            self._take()
        rows = list(gathered(self._results).values())
        return [[row[k] for row in rows] for k in range(len(self._observers))]

    def _example(self, index, row, batch, kept) -> Observed:
        crop = self._crop(index, row, batch)
        inputs = {k: crop(v[row]) for k, v in batch.items() if v.ndim > 1}
        return Observed(
            index,
            str(self._ids[index]),
            inputs=inputs,
            void=self._void,
            **{name: crop(value[row]) for name, value in kept.items()},
        )

    def _crop(self, index, row, batch) -> Callable[[np.ndarray], np.ndarray]:
        """Returns a function that removes the padding of the arrays of one example."""
        if self._sizes is None:
            there = batch["mask"][row]
            return lambda value: value[there]
        height, width = self._sizes[index]
        return lambda value: value[:height, :width]

    def _submit(self, example: Observed) -> None:
        if len(self._waiting) >= self._most:
            self._take()
        future = self._pool.submit(self._measure, example)
        self._waiting.append((example.index, future))

    def _measure(self, example: Observed) -> list[Any]:
        return [observer.measure(example) for observer in self._observers]

    def _take(self) -> None:
        index, future = self._waiting.popleft()
        self._results[index] = future.result()
