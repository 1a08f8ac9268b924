"""Checkpoints of a run: saved in the background, the latest k and the best kept.

One directory per step, written under a temporary name and renamed when complete, so
a run that dies inside a save leaves the previous checkpoint whole. A checkpoint holds
`state` (the arrays of the train state), `meta` (JSON: position in the data, partial
log window) and, at steps that were evaluated, the metrics that rank it.

The orbax manager is used in this file alone.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import orbax.checkpoint as ocp
from orbax.checkpoint import checkpoint_managers as policies

from jaxseg.checkpoints.reading import check_fit, reading, reason, stored_leaves

METRIC = "mean_iou"


class CheckpointError(OSError):
    """A checkpoint could not be written; earlier ones are untouched."""


def _rank(metrics: dict[str, float]) -> float:
    return metrics[METRIC]


class Checkpoints:
    """The checkpoints under one directory.

    Keeps the `keep_latest` newest and the one with the highest mean IoU. (One policy
    for both: a plain count with a ranking would drop the newest checkpoint whenever
    it is not among the best, and a restart would lose work.)
    """

    def __init__(self, directory: str | Path, *, keep_latest: int = 2) -> None:
        if keep_latest < 1:
            raise ValueError(f"keep_latest is {keep_latest}; allowed: 1 or more")
        self.directory = Path(directory).absolute()
        options = ocp.CheckpointManagerOptions(
            preservation_policy=policies.AnyPreservationPolicy(
                [
                    policies.LatestN(keep_latest),
                    policies.BestN(
                        get_metric_fn=_rank, n=1, keep_checkpoints_without_metrics=False
                    ),
                ]
            ),
            best_fn=_rank,
            best_mode="max",
            create=True,
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

    def resolve(self, which: str | int) -> int:
        """`"latest"`, `"best"` or a step number, as a step that exists."""
        if not self.steps:
            raise ValueError(f"{self.directory} holds no checkpoint")
        if which == "latest":
            return self.latest()
        if which == "best":  # a run may have been stopped before its first evaluation
            best = self.best()
            return self.latest() if best is None else best
        if str(which).isdigit() and int(which) in self.steps:
            return int(which)
        raise ValueError(
            f"checkpoint {which!r} is not in {self.directory}; allowed: latest, best, "
            + ", ".join(map(str, self.steps))
        )

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
            self._manager.delete(step)
        with self._errors(f"saving the checkpoint of step {step}"):
            self._manager.save(
                step,
                args=ocp.args.Composite(
                    state=ocp.args.StandardSave(state), meta=ocp.args.JsonSave(meta)
                ),
                metrics=metrics,
            )

    def restore(self, step: int, template: Any) -> tuple[Any, dict[str, Any]]:
        """State and meta of `step`; arrays get the shardings of `template`.

        Raises: ValueError that lists every array of one side that the other lacks or
            has in another shape, or says that files are damaged.
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
        return restored["state"], restored["meta"]

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
        good = [s for s in self.steps if (self.directory / str(s)).is_dir()]
        return f"step {good[-1]} is the last good one" if good else "none is saved"
