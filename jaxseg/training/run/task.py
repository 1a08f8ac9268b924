"""What the training loop is given and returns: the task, the display, the result."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from jaxseg.training.devices.placement import HostBatch


@dataclasses.dataclass(frozen=True)
class Task:
    """What a run works on; batch streams start anew at every call.

    Attributes:
        classes: class names in label order.
        ids: names of the training images, by `batch["index"]`.
        eval_ids: names of the validation images.
        train_batches: first step -> endless batches from there on.
        eval_batches: () -> one pass over the validation images.
        overlays: (step, variables) -> None, draws validation images; None for none.
        flops: (state, batch) -> operations of a step; None when nobody counts them.
        peak: operations per second of all devices at best; None when unknown.
        further_scores: variables -> scores beside those of the confusion counts.
        ready: called once, when all is read that a run goes on from; then the first
            file is written.
        check: called before every step; raises when the run must not write any more.
        asked: whether the run shall save and stop: the number of the signal that says
            so, None while it shall go on.
    """

    classes: tuple[str, ...]
    ids: Sequence[str]
    eval_ids: Sequence[str]
    train_batches: Callable[[int], Iterator[HostBatch]]
    eval_batches: Callable[[], Iterator[HostBatch]]
    overlays: Callable[[int, Any], None] | None = None
    flops: Callable[[Any, HostBatch], int | None] | None = None
    peak: float | None = None
    further_scores: Callable[[Any], Mapping[str, Any]] | None = None
    ready: Callable[[], None] = lambda: None
    check: Callable[[], None] = lambda: None
    asked: Callable[[], int | None] = lambda: None


class Reporter(Protocol):
    """Where progress is shown."""

    def started(self, step: int, steps: int) -> None:
        """The loop begins after `step` of `steps` updates."""

    def advanced(self, step: int) -> None:
        """One more update was started."""

    def logged(self, step: int, values: Mapping[str, float]) -> None:
        """A line of training metrics was recorded."""

    def evaluated(self, step: int, values: Mapping[str, Any]) -> None:
        """The validation images were scored."""


class Silent:
    """Shows nothing."""

    def __enter__(self) -> Silent:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def started(self, step: int, steps: int) -> None:
        """Shows nothing."""

    def advanced(self, step: int) -> None:
        """Shows nothing."""

    def logged(self, step: int, values: Mapping[str, float]) -> None:
        """Shows nothing."""

    def evaluated(self, step: int, values: Mapping[str, Any]) -> None:
        """Shows nothing."""


@dataclasses.dataclass(frozen=True)
class Result:
    """Where a run ended.

    Attributes:
        state: the final train state.
        scores: of the last evaluation, as in metrics.jsonl.
        best: step of the best checkpoint.
    """

    state: Any
    scores: Mapping[str, Any]
    best: int | None


class NonFiniteLoss(ArithmeticError):
    """The loss or the gradient of a step was NaN or infinite."""
