"""Checkpoints of a run: saved in the background, the latest k and the best kept.

One directory per step, written under a temporary name and renamed when complete, so
a run that dies inside a save leaves the previous checkpoint whole. A step that is no
longer kept is renamed before its files are deleted, so that a run that dies meanwhile
leaves no half of a step, which the next start would find damaged. A checkpoint holds
`state` (the arrays of the train state), `meta` (JSON: position in the data, partial
log window), `digest` (see `jaxseg.checkpoints.digest`) and, at steps that were
evaluated, the metrics that rank it.

The orbax manager is used in this file alone.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import orbax.checkpoint as ocp
from orbax.checkpoint import checkpoint_managers as policies

from jaxseg.checkpoints import steps, verification
from jaxseg.checkpoints.reading import (
    DamagedCheckpoint,
    check_fit,
    reading,
    reason,
    stored_leaves,
)

logger = logging.getLogger(__name__)
ADVICE = "--skip-damaged continues from it"
REMOVED = ".removed"  # folder of steps that are no longer kept
UNFINISHED = "*.orbax-checkpoint-tmp*"  # the storage library's names while it writes


class CheckpointError(OSError):
    """A checkpoint could not be written; earlier ones are untouched."""


def _rank(metrics: dict[str, float]) -> float:
    return metrics[steps.METRIC]


@dataclasses.dataclass(frozen=True)
class Opening:
    """How a run opens the checkpoints that it finds.

    Attributes:
      verify: Whether what is restored is compared with the digest stored with it.
      skip_damaged: Whether the run continues from the newest intact step when the
        newest one is damaged; otherwise it does not start.
    """

    verify: bool = True
    skip_damaged: bool = False


STRICT = Opening()


class Checkpoints:
    """The checkpoints of a run that goes on; every process of the run has one.

    Keeps the `max_to_keep` newest and the one with the highest mean IoU. (One policy
    for both: a plain count with a ranking would drop the newest checkpoint whenever
    it is not among the best, and a restart would lose work.)
    """

    def __init__(
        self,
        directory: str | Path,
        *,
        max_to_keep: int = 2,
        opening: Opening = STRICT,
    ) -> None:
        if max_to_keep < 1:
            raise ValueError(f"max_to_keep is {max_to_keep}; allowed: 1 or more")
        self.directory = Path(directory).absolute()
        self._opening = opening
        self._delete_removed()
        if jax.process_index() == 0:  # nobody writes before all managers are open
            for path in self.directory.glob(UNFINISHED):
                shutil.rmtree(path, ignore_errors=True)
        for step in steps.steps_in(self.directory):
            self._check_rank(step)
        options = ocp.CheckpointManagerOptions(
            preservation_policy=policies.AnyPreservationPolicy(
                [
                    policies.LatestN(max_to_keep),
                    policies.BestN(
                        get_metric_fn=_rank, n=1, keep_checkpoints_without_metrics=False
                    ),
                ]
            ),
            best_fn=_rank,
            best_mode="max",
            create=True,
            todelete_subdir=REMOVED,
        )
        self._manager = ocp.CheckpointManager(self.directory, options=options)

    def __enter__(self) -> Checkpoints:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.close()
        else:  # the first error counts; a failing save must not replace it
            with contextlib.suppress(CheckpointError):
                self.close()

    @property
    def steps(self) -> tuple[int, ...]:
        """Steps with a complete checkpoint, ascending."""
        return tuple(sorted(self._manager.all_steps()))

    def latest(self) -> int | None:
        """The newest step, None when there is none."""
        return max(self.steps, default=None)

    def best(self) -> int | None:
        """The evaluated step with the highest mean IoU (the later one of equals)."""
        return self._manager.best_step()

    def metrics(self, step: int) -> dict[str, float]:
        """What was measured at `step`; empty when it was not evaluated."""
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
        """Starts a save and returns; an earlier save that failed is raised here.

        A step that was saved before its evaluation is saved again after it;
        otherwise a step that exists is left alone.
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
                    state=ocp.args.StandardSave(state),
                    meta=ocp.args.JsonSave(meta),
                    digest=ocp.args.JsonSave(stored_digest),
                ),
                metrics=metrics,
            )

    def restore(self, step: int, template: Any) -> tuple[Any, dict[str, Any]]:
        """State and meta of `step`; arrays get the shardings of `template`.

        Raises:
          DamagedCheckpoint: When files cannot be read or differ from the digest.
          ValueError: When the step is of another model; it lists every array of one
            side that the other lacks or has in another shape.
        """
        directory = self.directory / str(step)
        check_fit(directory, stored_leaves(directory), template)
        target = jax.tree.map(ocp.utils.to_shape_dtype_struct, template)
        with reading(directory):
            restored = self._manager.restore(
                step,
                args=ocp.args.Composite(
                    state=ocp.args.StandardRestore(target), meta=ocp.args.JsonRestore()
                ),
            )
        if self._opening.verify:
            verification.check(directory, restored["state"], all_of_them=True)
        return restored["state"], restored["meta"]

    def restore_newest(self, template: Any) -> tuple[int, Any, dict[str, Any]]:
        """The newest step with its state and meta; there must be one.

        With `skip_damaged`, steps that are damaged are renamed to `damaged-STEP`, with
        a warning, and the newest intact one is taken.

        Raises:
          ValueError: When the newest step is damaged, saying which step is intact; or
            when it is of another model.
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
                logger.warning("%s; continuing from step %d", error, step)
                self._set_aside(int(error.directory.name))
            self._manager.reload()
            return step, *found
        raise ValueError(f"{damaged[0]}; no other step there is intact")

    def _check_rank(self, step: int) -> None:
        """The storage library reads all metrics at once, and fails when one is cut."""
        verify = self._opening.verify
        try:
            verification.metrics_of(self.directory / str(step), verify=verify)
        except DamagedCheckpoint as error:
            if not self._opening.skip_damaged:
                with verification.advising(ADVICE):
                    raise
            logger.warning("%s; continuing without it", error)
            self._set_aside(step)

    def _set_aside(self, step: int, *, keep: bool = True) -> None:
        """Takes a step out of the directory's steps; every process must call it.

        One rename does it, so that no process which is killed leaves half a step.

        Args:
          step: Which one.
          keep: Whether its folder stays, as `damaged-STEP`, for inspection.
        """
        folder = self.directory / str(step)
        aside = self.directory / (f"damaged-{step}" if keep else f"{REMOVED}/{step}")
        if jax.process_index() == 0:
            with self._errors(f"renaming the checkpoint of step {step}"):
                shutil.rmtree(aside, ignore_errors=True)
                aside.parent.mkdir(exist_ok=True)
                folder.rename(aside)
        ocp.multihost.sync_global_processes(f"set aside step {step}")

    def _delete_removed(self) -> None:
        """Deletes the steps that were renamed because they are no longer kept.

        The folder that held them stays, because a save in the background may be moving
        another step there.
        """
        if jax.process_index() == 0:
            for path in (self.directory / REMOVED).glob("*"):
                shutil.rmtree(path, ignore_errors=True)

    def wait(self) -> None:
        """Blocks until the running save is complete."""
        with self._errors("writing a checkpoint"):
            self._manager.wait_until_finished()
            self._manager.check_for_errors()

    def close(self) -> None:
        """Waits and releases the manager's threads."""
        try:
            self.wait()
        finally:
            with self._errors("closing the checkpoints"):
                self._manager.close()
            if jax.process_index() == 0:  # all saves are complete
                shutil.rmtree(self.directory / REMOVED, ignore_errors=True)

    def preempted(self, step: int) -> bool:
        """Whether the cluster asked all hosts to stop; every host calls it each step.

        Always False outside `jax.distributed`.
        """
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
        with contextlib.suppress(Exception):  # let an earlier save finish
            self._manager.wait_until_finished()
        good = steps.steps_in(self.directory)  # the manager forgets one too early
        return f"step {good[-1]} is the last good one" if good else "none is saved"
