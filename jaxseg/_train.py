"""Trains a network for `jaxseg.train` and for the command `jaxseg train`."""

from __future__ import annotations

import dataclasses
import functools
import logging
import os
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import jax

from jaxseg.analysis.hlo import utilization
from jaxseg.checkpoints.manager import STRICT, Opening
from jaxseg.config import Config
from jaxseg.config.stored_code import named_modules
from jaxseg.config.wording import with_python_words
from jaxseg.data.spec import DatasetSpec
from jaxseg.plan.fitted import fitted
from jaxseg.runs import environment
from jaxseg.runs.directory import write_run
from jaxseg.runs.places import check_workdir
from jaxseg.runs.remote.training import Member, owned_run
from jaxseg.storage import atomic, output
from jaxseg.storage.address import is_address
from jaxseg.tasks import overlays
from jaxseg.tasks.agreement import agree
from jaxseg.tasks.checks import check
from jaxseg.tasks.start import Start, prepare
from jaxseg.text import as_message
from jaxseg.training.devices import processes, selection
from jaxseg.training.run.field_watch import KIND, FieldReading
from jaxseg.training.run.loggers import check_loggers
from jaxseg.training.run.loop import train as run_loop
from jaxseg.training.run.task import Reporter, Silent, Task, TrainingResult

logger = logging.getLogger(__name__)
Begin = Callable[[Start, list[jax.Device]], None]


@dataclasses.dataclass(frozen=True)
class Display:
    """Selects how a training run shows its progress. By default, it shows nothing.

    Attributes:
      reporter: A function without arguments that returns a context manager. The context
        manager yields a `Reporter`, whose methods receive the progress of the run.
      begin: A function that the first process calls before the first step, after the
        run was checked and the run directory was written. It receives the prepared
        run (`Start`) and the list of the devices that train.
    """

    reporter: Callable[[], AbstractContextManager[Reporter]] = Silent
    begin: Begin = lambda start, chosen: None


@dataclasses.dataclass(frozen=True)
class Trained:
    """Contains the results of a training run.

    Attributes:
      workdir: The run directory, which `jaxseg.open_run` opens: a path, or the address
        of a bucket as a string.
      scores: The scores of the last evaluation, by name.
      best_step: The step of the best checkpoint, or None.
      step: The number of updates. It is less than train.steps if the run ended early
        because of train.patience.
      spec: The classes, colors and pixel statistics of the dataset.
      report: The path of the HTML page about the run, or None if none was written.
      copy: The folder with the local copy of a run in a bucket; None for a local run.
    """

    workdir: Path | str
    scores: dict[str, Any]
    best_step: int | None
    step: int
    spec: DatasetSpec
    report: Path | None = None
    copy: Path | None = None

    @property
    def folder(self) -> Path:
        """Returns the local folder with the files of the run.

        For a run in a bucket, this is the folder with the local copy.
        """
        return Path(self.workdir) if self.copy is None else self.copy


@with_python_words
def train(config: Config, workdir: str | os.PathLike) -> Trained:
    """Trains a configuration, exactly as `jaxseg train` does.

    If the run directory contains an interrupted run of this configuration, training
    resumes at its last checkpoint and gives the result of an uninterrupted run. The
    configuration and the data are checked before anything is written.

    Args:
      config: The network, the data, the loss, the optimizer and the length of the run.
      workdir: The run directory, such as runs/first or gs://bucket/runs/first.

    Returns:
      A `Trained`, with the scores of the last evaluation in `.scores`, the step of the
      best checkpoint in `.best_step`, and the other results.

    Raises:
      ValueError: If the configuration is invalid, or the data or the directory cannot
        be used.
      jaxseg.training.run.task.NonFiniteLoss: If a loss is not finite.
      jaxseg.training.run.preemption.Stopped: If a signal stopped the run, after a
        checkpoint was saved.
    """
    place = (
        workdir if isinstance(workdir, str) and is_address(workdir) else Path(workdir)
    )
    return train_run(config, place)


def train_run(
    config: Config,
    workdir: Path | str,
    *,
    num_devices: int | None = None,
    profile: int = 0,
    opening: Opening = STRICT,
    display: Display = Display(),
) -> Trained:
    """Trains a configuration in a locked run directory, and returns a `Trained`.

    Args:
      config: The configuration.
      workdir: The run directory: a path, or the address of a bucket as a string.
      num_devices: The number of devices to use; None uses all.
      profile: The number of steps that the profiler of JAX records; 0 records none.
      opening: Whether a resumed run verifies its checkpoint and skips a damaged one.
      display: How the progress is shown, by default not at all.
    """
    clock = _stopwatch()
    check(config)
    chosen = selection.choose(num_devices)
    member = Member(jax.process_index(), processes.barrier)
    if member.index == 0:
        check_workdir(workdir)
        check_loggers(config.train.loggers)
    agree(config, workdir)
    owned = owned_run(workdir, member)
    with output.tolerant() as closed, owned as held:
        folder = held.folder
        config, notes = fitted(config, folder, chosen)
        start = prepare(config, folder, chosen, verify=opening.verify).noted(notes)
        task = _measured(start, config, chosen)
        begin = functools.partial(_begin, config, folder, start, chosen, display)
        task = dataclasses.replace(task, asked=closed, elapsed=clock, ready=begin)
        task = dataclasses.replace(task, check=held.check, copy=held.copy)
        processes.barrier("before the first step")
        with display.reporter() as shown:
            result: TrainingResult = run_loop(
                config,
                folder,
                task,
                runner=start.runner,
                state=start.state,
                reporter=shown,
                profile=profile,
                opening=opening,
            )
        report = _write_report(config, folder, chosen, shown_as=str(workdir))
    return Trained(
        workdir,
        scores=dict(result.scores),
        best_step=result.best,
        step=result.step,
        spec=start.train_source.spec,
        report=report,
        copy=folder if isinstance(workdir, str) else None,
    )


def _stopwatch() -> Callable[[], float]:
    """Returns a function that returns the seconds since this call."""
    begun = time.monotonic()
    return lambda: time.monotonic() - begun


def _measured(start: Start, config: Config, chosen: list[jax.Device]) -> Task:
    """Returns the task of a run, with the functions that measure steps and network."""
    kind = config.train.parallel_backend
    field: Callable[[Any], FieldReading] | None = None
    if config.lab.every:
        from jaxseg.lab.training_field import training_field  # This loads matplotlib.

        field = training_field(config, start.train_source.spec)
    return dataclasses.replace(
        start.task,
        flops=utilization.counter(start.runner, kind=kind),
        peak=utilization.peak(chosen),
        field=field,
    )


def _begin(
    config: Config,
    workdir: Path,
    start: Start,
    chosen: list[jax.Device],
    display: Display,
) -> None:
    """Writes the configuration and the classes of the run, and shows its beginning.

    Only the first process does this.
    """
    if jax.process_index() != 0:
        return
    for name in (overlays.FOLDER, KIND):
        for folder in (workdir / name).glob("*"):
            atomic.sweep(folder)
    write_run(workdir, config, start.train_source.spec)
    environment.record(workdir, chosen)
    display.begin(start, chosen)


def _write_report(
    config: Config, folder: Path, chosen: list[jax.Device], *, shown_as: str
) -> Path | None:
    """Writes report.html. An error is logged, because the run itself has succeeded."""
    if jax.process_index() != 0 or not config.train.report_images:
        return None
    # An evaluation needs all processes, and only the first one writes the report.
    alone = jax.process_count() == 1
    try:
        from jaxseg.report.measure import MeasureOptions
        from jaxseg.report.writing import write_report

        options = MeasureOptions(
            images=config.train.report_images if alone else 0,
            modules=named_modules(config.data),
        )
        return write_report([folder], options=options, devices=chosen)
    except Exception as error:
        logger.warning(
            "The report of the run could not be written: %s. Run `jaxseg report %s` to "
            "write it.",
            as_message(error),
            shown_as,
        )
        return None
