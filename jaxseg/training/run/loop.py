"""Runs the training loop: evaluate, save, fetch a batch, step and log.

The metrics of a step are read after the next step has been started, so that the device
never waits for the host. A checkpoint is written only if all earlier losses are finite.
A run that is stopped or killed at any moment and then resumed gives the same result as
a run that never stopped.
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
from jaxseg.checkpoints.separate import SeparateCheckpoints
from jaxseg.checkpoints.steps import METRIC
from jaxseg.config import Config, TrainConfig
from jaxseg.metrics import to_json
from jaxseg.training.devices.runner import StepRunner
from jaxseg.training.run import evaluate
from jaxseg.training.run.early_stopping import EarlyStopping
from jaxseg.training.run.field_watch import KIND, FieldWatch
from jaxseg.training.run.goodput import Clock
from jaxseg.training.run.loggers import open_loggers
from jaxseg.training.run.memory import peak_memory
from jaxseg.training.run.meter import Meter
from jaxseg.training.run.metric_writer import Record
from jaxseg.training.run.preemption import Stopped, StopRequests
from jaxseg.training.run.profile import FOLDER, Profile
from jaxseg.training.run.resuming import resume
from jaxseg.training.run.stragglers import HostTimes
from jaxseg.training.run.task import NonFiniteLoss, Reporter, Task, TrainingResult

logger = logging.getLogger(__name__)


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
) -> TrainingResult:
    """Trains from the latest checkpoint in `workdir`, or from `state`, to the end.

    Args:
      config: The configuration.
      workdir: The run directory.
      task: The data and functions of the run.
      runner: Runs the steps on the devices.
      state: The initial state.
      reporter: Shows the progress.
      profile: The number of steps to trace to `workdir/profile`.
      opening: Whether to verify checkpoints, and to skip damaged ones.

    Returns:
      A `TrainingResult` with the final state, the last scores and the best step.

    Raises:
      NonFiniteLoss: If a loss is not finite. The message names the step, the files of
        the batch and the last good checkpoint.
      Stopped: If SIGTERM, SIGINT, SIGHUP or a closed output stream stopped the run. A
        checkpoint has been written.
      CheckpointError: If a checkpoint cannot be written.
      ValueError: If the checkpoint is damaged, belongs to another model or has a step
        after `train.steps`.
    """
    first = jax.process_index() == 0
    open_all = Checkpoints if task.copy is None else SeparateCheckpoints
    directory, keep = Path(workdir) / "ckpt", config.train.max_to_keep
    clock = Clock(workdir if first else None, seconds=task.elapsed())
    with (
        StopRequests(task.asked) as stop,
        open_all(directory, keep, opening=opening) as checkpoints,
        Profile(Path(workdir) / FOLDER, steps=profile) as traced,
    ):
        state, meta = resume(checkpoints, runner.place(state), config.train)
        task.ready()
        clock.resumed(meta["step"])
        names = config.train.loggers if first else ()
        loggers = open_loggers(names, workdir, config)
        options = {"resume_step": meta["step"], "active": first, "loggers": loggers}
        with Record(workdir, **options) as record:
            parts = (checkpoints, record, clock, reporter, stop, traced)
            folder = Path(workdir) / KIND
            watch = FieldWatch(task.field, config.lab.every, folder, record, clock)
            run = _Run(config.train, task, runner, *parts, watch)
            result = run.loop(state, meta)
            run.hosts.write(record)
        clock.write(result.step)
        return result


@dataclasses.dataclass
class _Run:
    """Runs one call of `train`, and holds the state of the host between steps."""

    config: TrainConfig
    task: Task
    runner: StepRunner
    checkpoints: Checkpoints
    record: Record
    clock: Clock
    reporter: Reporter
    stop: StopRequests
    profile: Profile
    watch: FieldWatch
    pending: tuple[int, np.ndarray, dict[str, Any]] | None = None  # unread metrics
    scores: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    scored_at: int | None = None
    hosts: HostTimes = dataclasses.field(default_factory=HostTimes)
    programs: int = 0  # programs that the log has reported

    def loop(self, state: Any, meta: dict[str, Any]) -> TrainingResult:
        """Trains to the end, and evaluates, logs and saves at the configured steps.

        Whenever an iteration starts, exactly `step` updates have been applied.
        """
        start = step = meta["step"]
        self.meter = Meter(
            self.config.batch_size, window=meta["window"], peak=self.task.peak
        )
        self.scores = meta["scores"]
        self.improvement = EarlyStopping.restored(self.config.patience, meta)
        if self.checkpoints.metrics(start):  # This step was evaluated.
            self.record.restore(start, "eval", self.scores)
        self.reporter.started(start, self.config.steps)
        batches = None
        while True:
            self.task.check()
            self._stop_if_asked(step, state)
            if self.watch.is_due(step):
                self._measure_field(step, state)
            if step > start or not meta["evaluated"]:
                self._evaluate_and_save(step, state)
            if step == self.config.steps or self.improvement.ended:
                with self.clock.of("saving"):
                    self._secure()
                return TrainingResult(state, self.scores, self.checkpoints.best(), step)
            if batches is None:
                batches = self.task.train_batches(step)
            with self.meter.waiting(), self.clock.of("waiting"):
                batch = next(batches)
            state, metrics = self._update(step + 1, state, batch, first=step == start)
            self._read_pending()
            if step > start:
                self.clock.switch("training")
            step += 1
            self.pending = (step, batch["index"], metrics)
            self.reporter.advanced(step)

    def _update(
        self, step: int, state: Any, batch: dict[str, np.ndarray], *, first: bool
    ) -> tuple[Any, dict[str, Any]]:
        """Starts the given update of the run."""
        if first and self.task.flops is not None:
            self.meter.flops = self.task.flops(state, batch)
        if first:
            self.clock.switch("compiling")
        before = len(self.runner.programs)
        with self.profile.step(step):
            state, metrics = self.runner.train(state, batch)
        with self.meter.paused():
            self.profile.after(metrics)
        if not first and len(self.runner.programs) > before:
            logger.warning(
                "Step %d compiled a new program: %s. Batches of one shape share a "
                "program, so make all batches equal in shape to avoid delays.",
                step,
                "; ".join(self.runner.programs[before:]),
            )
        return state, metrics

    def _measure_field(self, step: int, state: Any) -> None:
        """Measures the receptive field before the step is evaluated and saved."""
        self._read_pending()
        with self.meter.paused(), self.clock.of("evaluating"):
            values = self.watch.write(step, self.runner.variables(state))
            self.reporter.measured(step, values)

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
        values = self.meter.read(metrics)
        self.hosts.write(self.record)
        if not all(map(math.isfinite, values.values())):
            raise NonFiniteLoss(self._blame(step, index, values))
        self.meter.add(values)
        if self._due(step, self.config.log_every):
            self.hosts.start(step, self.meter)
            line = self.meter.line() | peak_memory() | self._compiled()
            self.record.write(step, "train", line)
            self.clock.write(step)
            self.reporter.logged(step, line)

    def _compiled(self) -> dict[str, Any]:
        """Returns the number of programs and the batch shapes of new ones."""
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
            f"the loss is not finite at step {step}: {bad}; images of the batch: "
            f"{files}; last good checkpoint: {last}"
        )

    def _evaluate(self, step: int, state: Any) -> None:
        """Evaluates and draws validation images, unless the run is asked to stop."""
        self._read_pending()
        with self.meter.paused(), self.clock.of("evaluating"):
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
            self.scores, self.scored_at = to_json(self.task.scores(total.matrix)), step
            if self.task.further_scores is not None:
                self.scores |= self.task.further_scores(variables)
            self.improvement.add(self.scores.get(METRIC))
            self.record.write(step, "eval", self.scores)
            self.reporter.evaluated(step, self.scores)
            if self.task.overlays is not None:
                self.task.overlays(step, variables)

    def _save(self, step: int, state: Any) -> None:
        """Starts to save everything that a resumed run needs."""
        self._read_pending()
        scored = self.scored_at == step
        meta = {
            "step": step,
            "next_index": step * self.config.batch_size,
            "evaluated": scored or not self._due(step, self.config.eval_every),
            "scores": self.scores,
            "window": self.meter.window,
        } | self.improvement.stored
        rank = self.scores.get(METRIC) if scored else None
        with self.meter.paused(), self.clock.of("saving"):
            if self.task.copy is not None:  # A save can delete an older step.
                self._secure()
            self.checkpoints.save(
                step,
                state,
                meta=meta,
                metrics=None if rank is None else {METRIC: rank},
            )

    def _secure(self) -> None:
        """Waits until the last checkpoint is complete, in a bucket if one is used."""
        self.checkpoints.delete_superfluous()
        if self.task.copy is not None:
            self.task.copy()

    def _stop_if_asked(self, step: int, state: Any) -> None:
        if self.checkpoints.preempted(step) or self.stop:
            self._save(step, state)
            with self.clock.of("saving"):
                self._secure()
            self.clock.write(step)
            raise Stopped(step, self.stop.number or signal.SIGTERM)
