"""Saves and restores the checkpoints of a run whose processes share no folder.

Each process has a checkpoint directory of its own. At the start, all of these contain
the same steps. Only the first process saves new steps in its directory, and the caller
copies them to a place that all processes can read, such as a bucket. Arrays that are
split over processes are collected by the first process before they are saved.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils

from jaxseg.checkpoints.digest import is_whole
from jaxseg.checkpoints.manager import STRICT, Checkpoints, Opening
from jaxseg.checkpoints.members import Members
from jaxseg.checkpoints.steps import METRIC


class SeparateCheckpoints(Checkpoints):
    """Manages the checkpoints of a run whose processes have directories of their own.

    Every process of the run has one instance, and all of them call the same methods.

    Raises:
      ValueError: If the newest steps in the directories of the processes differ.
    """

    def __init__(
        self,
        directory: str | Path,
        max_to_keep: int = 2,
        *,
        opening: Opening = STRICT,
    ) -> None:
        alone = jax.process_count() > 1  # One process needs no special treatment.
        super().__init__(
            directory, max_to_keep, opening=opening, members=Members(alone)
        )
        # The scores of all steps, including those that only the first process has.
        self._scores: dict[int, dict[str, float]] = {}
        for step in self.steps:
            self._scores[step] = super().metrics(step)
        self._compare(self.latest())

    def latest(self) -> int | None:
        """Returns the step of the newest complete checkpoint, or None."""
        return max(self._scores, default=None)

    def best(self) -> int | None:
        """Returns the step of the checkpoint with the highest mean IoU, or None."""
        ranked = [
            (found[METRIC], step) for step, found in self._scores.items() if found
        ]
        return max(ranked, default=(0.0, None))[1]

    def metrics(self, step: int) -> dict[str, float]:
        """Returns the scores stored with a checkpoint, or {} if there are none."""
        return self._scores.get(step, {})

    def restore_newest(self, template: Any) -> tuple[int, Any, dict[str, Any]]:
        """Restores the newest step as `Checkpoints.restore_newest` does.

        Raises:
          ValueError: If the processes did not restore the same step.
        """
        step, *found = super().restore_newest(template)
        self._compare(step)
        self._scores = {k: v for k, v in self._scores.items() if k <= step}
        return step, *found

    def save(
        self,
        step: int,
        state: Any,
        *,
        meta: dict[str, Any],
        metrics: dict[str, float] | None = None,
    ) -> None:
        """Starts to save a step in the first process, as `Checkpoints.save` does.

        Every process must call it, because the first process collects arrays that are
        split over processes.
        """
        if step in self._scores and (metrics is None or self._scores[step]):
            return
        first = jax.process_index() == 0
        whole = collected(state, kept=first)
        if first:
            super().save(step, whole, meta=meta, metrics=metrics)
        self._scores[step] = metrics or {}

    def _compare(self, step: int | None) -> None:
        """Raises ValueError if the processes do not continue from the same step."""
        mine = np.int32(-1 if step is None else step)
        found = multihost_utils.process_allgather(mine).ravel().tolist()
        if len(set(found)) > 1:
            raise ValueError(
                f"{self.directory} is invalid: expected the same newest checkpoint in "
                f"all processes, but the steps of the processes are {found}. Delete "
                "the local copies of the run on all hosts, and start all processes "
                "again."
            )


def collected(state: Any, *, kept: bool) -> Any:
    """Collects the arrays of a training state that are split over processes.

    All processes must call it. One array at a time is copied to all devices.

    Args:
      state: The training state.
      kept: Whether this process needs the result.

    Returns:
      The state. Arrays that were split over processes are NumPy arrays; the others are
      unchanged. The result is None if `kept` is False.
    """

    def whole(array: Any) -> Any:
        if is_whole(array):
            return array
        found = multihost_utils.process_allgather(array, tiled=True)
        return found if kept else None

    collected_state = jax.tree.map(whole, state)
    return collected_state if kept else None
