"""The training loop: evaluate, save, fetch, step, log.

Metrics of a step are read after the next one was started, so that the device never
waits for the host. A checkpoint is written only after every earlier loss was seen to
be finite. A run that is stopped or killed at any moment and started again does the
same arithmetic as one that never stopped.
"""

from __future__ import annotations

import dataclasses
import logging
import math
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxseg.checkpoints.manager import STRICT, Checkpoints, Opening
from jaxseg.checkpoints.steps import METRIC
from jaxseg.config import Config, TrainConfig
from jaxseg.metrics import scores, to_json
from jaxseg.training.devices.runner import StepRunner
from jaxseg.training.run import evaluate
from jaxseg.training.run.memory import peak_memory
from jaxseg.training.run.meter import Meter
from jaxseg.training.run.metric_writer import Record
from jaxseg.training.run.preemption import Stopped, StopRequests
from jaxseg.training.run.profile import FOLDER, Profile
from jaxseg.training.run.task import NonFiniteLoss, Reporter, Result, Task

logger = logging.getLogger(__name__)
NEW_RUN = {
    "step": 0,
    "next_index": 0,  # position in the data
    "evaluated": True,  # whether an evaluation due at this step was done
    "scores": {},  # of the last evaluation
    "window": {},  # metrics not yet in a log line
}


def train(
    config: Config,
    workdir: str | Path,
    task: Task,
    *,
    runner: StepRunner,
    state: Any,
    reporter: Reporter,
    profile: int = 0,
    opening: Opening = STRICT,
) -> Result:
    """Runs from the latest checkpoint in `workdir`, or from `state`, to the end.

    With `profile` a trace of so many steps is written to `workdir/profile`.

    Raises:
        NonFiniteLoss: naming the step, the batch's files and the last good checkpoint.
        Stopped: after SIGTERM, SIGINT, SIGHUP or lost output, when a checkpoint has
            been written.
        CheckpointError: a checkpoint could not be written.
        ValueError: the checkpoint is damaged, of another model or further than
            `train.steps`.
    """
    directory = Path(workdir) / "ckpt"
    first = jax.process_index() == 0
    keep = config.train.max_to_keep
    with (
        StopRequests(task.asked) as stop,
        Checkpoints(directory, max_to_keep=keep, opening=opening) as checkpoints,
        Profile(Path(workdir) / FOLDER, steps=profile) as traced,
    ):
        state, meta = resume(checkpoints, runner.place(state), config.train)
        task.ready()
        with Record(workdir, resume_step=meta["step"], active=first) as record:
            parts = (checkpoints, record, reporter, stop, traced)
            run = _Run(config.train, task, runner, *parts)
            return run.loop(state, meta)


def resume(
    checkpoints: Checkpoints, state: Any, config: TrainConfig
) -> tuple[Any, dict[str, Any]]:
    """State and meta of the latest checkpoint, or those of a new run."""
    step = checkpoints.latest()
    if step is None:
        return state, NEW_RUN
    if step > config.steps:
        raise ValueError(
            f"train.steps is {config.steps}, but {checkpoints.directory} is at step "
            f"{step}; allowed: {step} or more"
        )
    step, state, meta = checkpoints.restore_newest(state)
    if meta["next_index"] != step * config.batch_size:
        raise ValueError(
            f"train.batch_size is {config.batch_size}, but the run read "
            f"{meta['next_index']} images in {step} steps"
        )
    return state, meta


@dataclasses.dataclass
class _Run:
    """One call of `train`: its parts, and what the host knows between two steps."""

    config: TrainConfig
    task: Task
    runner: StepRunner
    checkpoints: Checkpoints
    record: Record
    reporter: Reporter
    stop: StopRequests
    profile: Profile
    pending: tuple[int, np.ndarray, dict[str, Any]] | None = None  # unread metrics
    scores: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    scored_at: int | None = None
    programs: int = 0  # those of the runner that a line of the log counts

    def loop(self, state: Any, meta: dict[str, Any]) -> Result:
        """Whenever the top is reached, `step` updates are done."""
        start = step = meta["step"]
        self.meter = Meter(
            self.config.batch_size, window=meta["window"], peak=self.task.peak
        )
        self.scores = meta["scores"]
        if self.checkpoints.metrics(start):  # the scores are of this very step
            self.record.restore(start, "eval", self.scores)
        self.reporter.started(start, self.config.steps)
        batches = None
        while True:
            self.task.check()
            self._stop_if_asked(step, state)
            if step > start or not meta["evaluated"]:
                self._evaluate_and_save(step, state)
            if step == self.config.steps:
                self.checkpoints.wait()
                return Result(state, self.scores, self.checkpoints.best())
            if batches is None:
                batches = self.task.train_batches(step)
            with self.meter.waiting():
                batch = next(batches)
            state, metrics = self._update(step + 1, state, batch, first=step == start)
            self._read_pending()
            step += 1
            self.pending = (step, batch["index"], metrics)
            self.reporter.advanced(step)

    def _update(
        self, step: int, state: Any, batch: dict[str, np.ndarray], *, first: bool
    ) -> tuple[Any, dict[str, Any]]:
        """Starts update number `step` of the run."""
        if first and self.task.flops is not None:
            self.meter.flops = self.task.flops(state, batch)
        before = len(self.runner.programs)
        with self.profile.step(step):
            state, metrics = self.runner.train(state, batch)
        with self.meter.paused():
            self.profile.after(metrics)
        if not first and len(self.runner.programs) > before:
            logger.warning(
                "step %d compiled anew: %s; batches of one shape compile once",
                step,
                "; ".join(self.runner.programs[before:]),
            )
        return state, metrics

    def _evaluate_and_save(self, step: int, state: Any) -> None:
        if self._due(step, self.config.eval_every):
            self._evaluate(step, state)
            self._stop_if_asked(step, state)
            self._save(step, state)
        elif self._due(step, self.config.save_every):
            self._save(step, state)

    def _due(self, step: int, every: int) -> bool:
        at_cadence = every > 0 and step > 0 and step % every == 0
        return at_cadence or step == self.config.steps

    def _read_pending(self) -> None:
        """Reads, checks and logs the metrics of the last step that was started."""
        if self.pending is None:
            return
        step, index, metrics = self.pending
        self.pending = None
        values = {name: float(value) for name, value in jax.device_get(metrics).items()}
        if not all(map(math.isfinite, values.values())):
            raise NonFiniteLoss(self._blame(step, index, values))
        self.meter.add(values)
        if self._due(step, self.config.log_every):
            line = self.meter.line() | peak_memory() | self._compiled()
            self.record.write(step, "train", line)
            self.reporter.logged(step, line)

    def _compiled(self) -> dict[str, Any]:
        """How many programs there are, and the shapes of those new to this line."""
        programs = self.runner.programs
        new, self.programs = programs[self.programs :], len(programs)
        return {"programs": len(programs)} | ({"compiled": list(new)} if new else {})

    def _blame(self, step: int, index: np.ndarray, values: dict[str, float]) -> str:
        bad = ", ".join(f"{k} {v}" for k, v in values.items() if not math.isfinite(v))
        files = ", ".join(str(self.task.ids[i]) for i in index)
        self.checkpoints.wait()
        good = self.checkpoints.latest()
        last = "none was saved"
        if good is not None:
            last = str(self.checkpoints.directory / str(good))
        return (
            f"not finite at step {step}: {bad}; images of the batch: {files}; "
            f"last good checkpoint: {last}"
        )

    def _evaluate(self, step: int, state: Any) -> None:
        """Scores and draws the validation images, unless asked to stop meanwhile."""
        self._read_pending()
        with self.meter.paused():
            variables = self.runner.variables(state)
            total = evaluate.count(
                variables,
                self.task.eval_batches(),
                self.runner.count,
                num_classes=len(self.task.classes),
                ids=self.task.eval_ids,
                stop=lambda: bool(self.stop),
            )
            if total is None:
                return
            self.scores, self.scored_at = to_json(scores(total.matrix)), step
            if self.task.further_scores is not None:
                self.scores |= self.task.further_scores(variables)
            self.record.write(step, "eval", self.scores)
            self.reporter.evaluated(step, self.scores)
            if self.task.overlays is not None:
                self.task.overlays(step, variables)

    def _save(self, step: int, state: Any) -> None:
        """Starts to save everything that the next start needs."""
        self._read_pending()
        scored = self.scored_at == step
        meta = {
            "step": step,
            "next_index": step * self.config.batch_size,
            "evaluated": scored or not self._due(step, self.config.eval_every),
            "scores": self.scores,
            "window": self.meter.window,
        }
        rank = self.scores.get(METRIC) if scored else None
        with self.meter.paused():
            self.checkpoints.save(
                step,
                state,
                meta=meta,
                metrics=None if rank is None else {METRIC: rank},
            )

    def _stop_if_asked(self, step: int, state: Any) -> None:
        if self.checkpoints.preempted(step) or self.stop:
            self._save(step, state)
            self.checkpoints.wait()
            raise Stopped(step, self.stop.number or signal.SIGTERM)
