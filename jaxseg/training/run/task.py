"""Defines the types of the arguments and of the result of the training loop."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from jaxseg.metrics import scores
from jaxseg.training.devices.placement import HostBatch
from jaxseg.training.run.field_watch import FieldReading


@dataclasses.dataclass(frozen=True)
class Task:
    """Contains the data of a training run and the functions that its loop calls.

    Attributes:
      classes: The class names in the order of the confusion matrix.
      ids: The names of the training images, indexed by `batch["index"]`.
      eval_ids: The names of the validation images.
      train_batches: A function that takes a step and returns the endless stream of
        batches that begins at this step.
      eval_batches: Returns an iterator over the batches of all validation images.
      overlays: A function of (step, variables) that writes pictures of predictions, or
        None.
      field: Maps variables to a measurement of the receptive field of the network. None
        if this process measures nothing.
      flops: Maps (state, batch) to the number of operations of a step. None if
        operations are not counted.
      peak: The peak operations per second of all devices, or None if unknown.
      further_scores: Maps variables to scores in addition to those of the confusion
        matrix.
      ready: Called once when all checks are done, before the first file is written.
      scores: Maps a confusion matrix to the scores by name.
      check: Called before every step; it raises an error if the run must not write.
      copy: Copies the files of the run to the bucket in which it is kept, and returns
        when they are stored there. All processes must call it. None if the run
        directory is a local folder.
      asked: Returns the number of the signal that asks the run to save and stop, or
        None.
      elapsed: Returns the seconds since this process began to work on the run.
    """

    classes: tuple[str, ...]
    ids: Sequence[str]
    eval_ids: Sequence[str]
    train_batches: Callable[[int], Iterator[HostBatch]]
    eval_batches: Callable[[], Iterator[HostBatch]]
    overlays: Callable[[int, Any], None] | None = None
    field: Callable[[Any], FieldReading] | None = None
    flops: Callable[[Any, HostBatch], int | None] | None = None
    peak: float | None = None
    further_scores: Callable[[Any], Mapping[str, Any]] | None = None
    scores: Callable[[Any], Mapping[str, Any]] = scores
    ready: Callable[[], None] = lambda: None
    check: Callable[[], None] = lambda: None
    copy: Callable[[], None] | None = None
    asked: Callable[[], int | None] = lambda: None
    elapsed: Callable[[], float] = lambda: 0.0


class Reporter(Protocol):
    """Defines the interface that shows the progress of a run."""

    def started(self, step: int, steps: int) -> None:
        """Is called when the training loop begins.

        Args:
          step: The number of updates that are already done.
          steps: The total number of updates of the run.
        """

    def advanced(self, step: int) -> None:
        """Is called after each step of the training loop has been started."""

    def logged(self, step: int, values: Mapping[str, float]) -> None:
        """Is called after the mean training metrics are written to metrics.jsonl.

        Args:
          step: The number of the training step.
          values: The means by name.
        """

    def evaluated(self, step: int, values: Mapping[str, Any]) -> None:
        """Is called after each evaluation of the network on the validation images.

        Args:
          step: The number of the training step.
          values: The scores by name.
        """

    def measured(self, step: int, values: Mapping[str, Any]) -> None:
        """Is called after each measurement of the network's receptive field.

        Args:
          step: The number of the training step.
          values: The numbers by name, see `jaxseg.lab.training_field`.
        """


class Silent:
    """Is a `Reporter` that shows no progress."""

    def __enter__(self) -> Silent:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def started(self, step: int, steps: int) -> None:
        """Does nothing, because this reporter shows no progress."""

    def advanced(self, step: int) -> None:
        """Does nothing, because this reporter shows no progress."""

    def logged(self, step: int, values: Mapping[str, float]) -> None:
        """Does nothing, because this reporter shows no progress."""

    def evaluated(self, step: int, values: Mapping[str, Any]) -> None:
        """Does nothing, because this reporter shows no progress."""

    def measured(self, step: int, values: Mapping[str, Any]) -> None:
        """Does nothing, because this reporter shows no progress."""


@dataclasses.dataclass(frozen=True)
class TrainingResult:
    """Contains the result of a run.

    Attributes:
      state: The final training state.
      scores: The scores of the last evaluation, as in metrics.jsonl.
      best: The step of the checkpoint with the highest mean IoU, or None.
      step: The number of updates that were done.
    """

    state: Any
    scores: Mapping[str, Any]
    best: int | None
    step: int


class NonFiniteLoss(ArithmeticError):
    """Is raised if the loss or the gradient of a step is NaN or infinite."""
