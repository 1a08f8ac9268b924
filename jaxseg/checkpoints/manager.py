"""Saves and restores the checkpoints of a run.

Checkpoints are saved in the background. The newest ones and the one with the highest
mean IoU are kept. Each step has its own directory, which is written under a temporary
name and renamed when it is complete. A run that dies during a save therefore leaves the
previous checkpoint intact. An old step is renamed before its files are deleted, so that
a run that dies during the deletion leaves no incomplete step.

A checkpoint contains `state` (the arrays of the training state), `meta` (the position
in the data and the metrics since the last log line, as JSON), `digest` (see
`jaxseg.checkpoints.digest`) and, if the step was evaluated, its scores.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orbax.checkpoint as ocp

from jaxseg.checkpoints import keeping, steps, verification
from jaxseg.checkpoints.members import TOGETHER, Members
from jaxseg.checkpoints.reading import (
    DamagedCheckpoint,
    check_fit,
    reading,
    reason,
    stored_leaves,
)
from jaxseg.checkpoints.step_folders import remove_empty

logger = logging.getLogger(__name__)
ADVICE = "`jaxseg train --skip-damaged` continues from it"
REMOVED = ".removed"  # the folder of steps that are no longer kept
UNFINISHED = "*.orbax-checkpoint-tmp*"  # Orbax uses such names while it writes.


class CheckpointError(OSError):
    """Is raised if a checkpoint could not be written; earlier ones are unchanged."""


@dataclasses.dataclass(frozen=True)
class Opening:
    """Selects how a run reads its existing checkpoints.

    Attributes:
      verify: Whether to compare restored arrays with the digest stored with them.
      skip_damaged: Whether to continue from the newest intact step if the newest step
        is damaged. If False, a damaged newest step is an error.
    """

    verify: bool = True
    skip_damaged: bool = False


STRICT = Opening()


class Checkpoints:
    """Manages the checkpoints of a run. Every process of the run has one instance.

    It keeps the `max_to_keep` newest checkpoints and the one with the highest mean IoU.
    Orbax's ranking would delete new ones that are not the best.
    """

    def __init__(
        self,
        directory: str | Path,
        max_to_keep: int = 2,
        *,
        opening: Opening = STRICT,
        members: Members = TOGETHER,
    ) -> None:
        if max_to_keep < 1:
            raise ValueError(f"max_to_keep={max_to_keep} is invalid: expected >= 1.")
        self.directory = Path(directory).absolute()
        self._opening, self._members = opening, members
        self._delete_removed()
        # No process writes before all managers are open.
        for path in self.directory.glob(UNFINISHED) if members.first else ():
            shutil.rmtree(path, ignore_errors=True)
        for step in steps.steps_in(self.directory):
            self._check_rank(step)
        if members.first:
            remove_empty(self.directory)
            self.directory.mkdir(parents=True, exist_ok=True)
        members.meet("removed empty folders")
        self._max_to_keep = max_to_keep
        self._manager = members.manager(
            self.directory,
            preservation_policy=keeping.newest_and_best(max_to_keep),
            best_fn=keeping.rank,
            best_mode="max",
            todelete_subdir=REMOVED,
        )

    def __enter__(self) -> Checkpoints:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.close()
        else:  # A failing save must not replace the first error.
            with contextlib.suppress(CheckpointError):
                self.close()

    @property
    def steps(self) -> tuple[int, ...]:
        """Returns the steps with a complete checkpoint in ascending order."""
        return tuple(sorted(self._manager.all_steps()))

    def latest(self) -> int | None:
        """Returns the step of the newest complete checkpoint, or None."""
        return max(self.steps, default=None)

    def best(self) -> int | None:
        """Returns the step of the checkpoint with the highest mean IoU, or None."""
        return self._manager.best_step()

    def metrics(self, step: int) -> dict[str, float]:
        """Returns the scores stored with a checkpoint, or {} if there are none."""
        self.wait()
        return self._manager.metrics(step) or {}

    def save(
        self,
        step: int,
        state: Any,
        *,
        meta: dict[str, Any],
        metrics: dict[str, float] | None = None,
    ) -> None:
        """Starts to save the state and the metadata of a step in the background.

        If the step was already saved, it is saved again only if the earlier save had
        no scores and `metrics` contains them.

        Raises:
          CheckpointError: If this save or an earlier one has failed.
        """
        if step in self.steps:
            if metrics is None or self.metrics(step):
                return
            self._set_aside(step, keep=False)
            self._manager.reload()
        self._delete_removed()
        stored_digest = verification.of_step(state, meta, metrics)
        with self._errors(f"saving the checkpoint of step {step}"):
            self._manager.save(
                step,
                args=ocp.args.Composite(
                    state=self._members.saving(state),
                    meta=ocp.args.JsonSave(meta),
                    digest=ocp.args.JsonSave(stored_digest),
                ),
                metrics=metrics,
            )

    def restore(self, step: int, template: Any) -> tuple[Any, dict[str, Any]]:
        """Returns a pair of the saved state and the metadata (a dictionary) of a step.

        `template` is a state with the shapes, types and shardings of the result.

        Raises:
          DamagedCheckpoint: If files cannot be read or differ from the digest.
          ValueError: If the step belongs to another model. The message lists the arrays
            that differ.
        """
        directory = self.directory / str(step)
        check_fit(directory, stored_leaves(directory), template)
        wanted = self._members.restoring(template)
        with reading(directory):
            restored = self._manager.restore(
                step,
                args=ocp.args.Composite(state=wanted, meta=ocp.args.JsonRestore()),
            )
        if self._opening.verify:
            verification.check(directory, restored["state"], all_of_them=True)
        return restored["state"], restored["meta"]

    def restore_newest(self, template: Any) -> tuple[int, Any, dict[str, Any]]:
        """Returns the number, the state and the metadata of the newest step.

        `template` has the shapes, types and shardings of the state. At least one step
        must exist. With `Opening.skip_damaged`, the newest intact step is taken, and
        newer, damaged ones are renamed to `damaged-STEP` with a warning.

        Raises:
          ValueError: If the step belongs to another model, or if it is damaged. The
            message then names the newest intact step, if there is one.
        """
        if not self._opening.skip_damaged:
            step = self.latest()
            with verification.advising(ADVICE):
                return step, *self.restore(step, template)
        damaged = []
        for step in reversed(self.steps):
            try:
                found = self.restore(step, template)
            except DamagedCheckpoint as error:
                damaged.append(error)
                continue
            for error in damaged:
                logger.warning("%s; the run continues from step %d", error, step)
                self._set_aside(int(error.directory.name))
            self._manager.reload()
            return step, *found
        raise ValueError(f"{damaged[0]}; {verification.NONE_INTACT}")

    def _check_rank(self, step: int) -> None:
        """Checks the metrics of a step, because Orbax fails if one file is cut."""
        verify = self._opening.verify
        try:
            verification.metrics_of(self.directory / str(step), verify=verify)
        except DamagedCheckpoint as error:
            if not self._opening.skip_damaged:
                with verification.advising(ADVICE):
                    raise
            logger.warning("%s; the run continues and ignores this checkpoint", error)
            self._set_aside(step)

    def _set_aside(self, step: int, *, keep: bool = True) -> None:
        """Removes a step by a single rename. Every process must call it.

        Args:
          step: The number of the training step.
          keep: Whether to keep its folder as `damaged-STEP` for inspection.
        """
        folder = self.directory / str(step)
        aside = self.directory / (f"damaged-{step}" if keep else f"{REMOVED}/{step}")
        if self._members.first:
            with self._errors(f"renaming the checkpoint of step {step}"):
                shutil.rmtree(aside, ignore_errors=True)
                aside.parent.mkdir(exist_ok=True)
                folder.rename(aside)
        self._members.meet(f"set aside step {step}")

    def _delete_removed(self) -> None:
        """Deletes the steps that were renamed because they are no longer kept.

        Their parent folder stays, because a save in the background may be moving
        another step into it."""
        removed = (self.directory / REMOVED).glob("*")
        for path in removed if self._members.first else ():
            shutil.rmtree(path, ignore_errors=True)

    def wait(self) -> None:
        """Waits until the checkpoint that is being saved is complete."""
        with self._errors("writing a checkpoint"):
            self._manager.wait_until_finished()
            self._manager.check_for_errors()

    def delete_superfluous(self) -> None:
        """Deletes the steps that a process left when it was killed after a save.

        Usually, Orbax deletes them after a save. Every process must call it.
        """
        self.wait()
        if left := keeping.superfluous(self.steps, self.best(), self._max_to_keep):
            for step in left:
                self._set_aside(step, keep=False)
            self._manager.reload()

    def close(self) -> None:
        """Waits until the current save is complete, and stops the threads of Orbax."""
        try:
            self.wait()
        finally:
            with self._errors("closing the checkpoints"):
                self._manager.close()
            if self._members.first:  # All saves are complete.
                shutil.rmtree(self.directory / REMOVED, ignore_errors=True)

    def preempted(self, step: int) -> bool:
        """Returns whether the cluster has asked all hosts to stop.

        Every host must call it at each step. It is False without `jax.distributed`."""
        return bool(self._manager.reached_preemption(step))

    @contextlib.contextmanager
    def _errors(self, doing: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            last = self._last_good()
            raise CheckpointError(
                f"{doing} in {self.directory} failed: {reason(error)}; {last}"
            ) from error

    def _last_good(self) -> str:
        with contextlib.suppress(Exception):  # An earlier save finishes first.
            self._manager.wait_until_finished()
        good = steps.steps_in(self.directory)  # The manager forgets one step too early.
        return f"step {good[-1]} is the last intact one" if good else "none is saved"
