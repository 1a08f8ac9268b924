"""Prepares a training run: opens the data, builds the network, checks the options."""

from __future__ import annotations

import contextlib
import dataclasses
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jax

from jaxseg.config import Config, LossConfig
from jaxseg.data.repeated_warnings import each_warning_once
from jaxseg.data.spec import DatasetSpec
from jaxseg.data.splits import UnknownSplit, split_advice
from jaxseg.runs import memory, pretrained, restart, weights_start
from jaxseg.runs.pretrained import OPTION
from jaxseg.runs.remote.reading import local_run
from jaxseg.runs.rules import invalid
from jaxseg.tasks.assembly import assemble, make_task
from jaxseg.tasks.functions import Examples, training_of
from jaxseg.tasks.size_notes import sizes_note
from jaxseg.text import did_you_mean
from jaxseg.training.devices import selection
from jaxseg.training.devices.placement import HostBatch
from jaxseg.training.devices.runner import StepRunner
from jaxseg.training.run.task import Task


@dataclasses.dataclass(frozen=True)
class Start:
    """Contains the data, the network and the steps of a run that can start or resume.

    Attributes:
      train_source: The training examples.
      runner: The object that runs training and evaluation steps on the devices.
      state: The initial training state. If the run resumes, a checkpoint replaces it.
      task: The object that supplies batches, scores and pictures to the training loop.
      notes: Notes for the user, one line each.
    """

    train_source: Examples
    runner: StepRunner
    state: Any
    task: Task
    notes: tuple[str, ...]

    def noted(self, notes: tuple[str, ...]) -> Start:
        """Returns a copy of this object with the given notes in front of its own."""
        return dataclasses.replace(self, notes=(*notes, *self.notes))


def prepare(
    config: Config, workdir: Path, chosen: list[jax.Device], *, verify: bool = True
) -> Start:
    """Checks the options and the data of a run and builds its network and steps.

    The result is a `Start`: everything that the training loop needs to start or resume.
    Nothing is written to the run directory.

    Args:
      config: A configuration that `checks.check` accepts.
      workdir: The run directory, which may not exist yet.
      chosen: The devices of all processes.
      verify: Whether to compare pretrained weights with the digest stored with them.

    Raises:
      ValueError: If an option or a file is invalid.
    """
    check_devices(config, chosen)
    restart.check_same_run(config, workdir)
    record = training_of(config)
    with each_warning_once():
        train_source = _open(config, "train_split")
        eval_source = _open(config, "eval_split", trained=train_source.spec)
    notes = _settle_spec(
        config, workdir=workdir, train_source=train_source, eval_source=eval_source
    )
    spec = train_source.spec
    _check_data(
        config, train_source=train_source, eval_source=eval_source, chosen=chosen
    )
    with _naming_options(config.model.options):
        runner, state, model = assemble(config, train_source, chosen)
    if note := loss_note(config.loss, model):
        notes = (*notes, note)
    if config.train.init_from is not None and not restart.started(workdir):
        state = _with_weights(config, state, model, spec.channels, verify)
    task = make_task(
        config,
        workdir=workdir,
        model=model,
        train_source=train_source,
        eval_source=eval_source,
    )
    step = restart.latest_step(workdir) or 0
    if step < config.train.steps:
        rehearse_step(
            config, runner=runner, state=state, batch=_first(task.train_batches(step))
        )
        count = record.make_eval_step(config, model, spec)
        rehearse_evaluation(count, state, _first(task.eval_batches()))
    return Start(train_source, runner=runner, state=state, task=task, notes=notes)


def _with_weights(config, state, model, channels: int, verify: bool) -> Any:
    """Returns the training state with the weights of `train.init_from`."""
    source, fresh = local_run(OPTION, config.train.init_from), config.train.init_fresh
    if weights_start.is_weights(source):
        return weights_start.initialized(
            state, source, model, fresh=fresh, channels=channels
        )
    return pretrained.initialized(
        state, source, fresh=fresh, verify=verify, channels=channels
    )


def check_devices(config: Config, chosen: list[jax.Device]) -> None:
    """Raises ValueError unless batches and crops split evenly over the devices."""
    run = config.train
    selection.check_space(
        "train.spatial_shards",
        space=run.spatial_shards,
        crop=config.data.crop,
        devices=chosen,
    )
    selection.check_batch(
        "train.batch_size", run.batch_size, chosen, space=run.spatial_shards
    )
    processes = jax.process_count()
    if run.eval_batch_size % processes:
        expected = f"a multiple of {processes}, the number of processes"
        raise ValueError(
            invalid("train.eval_batch_size", run.eval_batch_size, expected)
        )


def rehearse_step(
    config: Config, runner: StepRunner, state: Any, batch: HostBatch
) -> None:
    """Traces one training step, so that its errors appear before training starts.

    The first training step reuses the trace. With the parallel backend pmap, the
    function does nothing, because pmap cannot trace a program without running it.

    Raises:
      ValueError: If the training step cannot be traced, for example because the loss
        needs an output that the network does not have.
    """
    if config.train.parallel_backend != "jit":
        return
    count = jax.process_count()
    whole = {
        name: jax.ShapeDtypeStruct(
            (count * value.shape[0], *value.shape[1:]), value.dtype
        )
        for name, value in batch.items()
    }
    runner.trace(state, whole)


def rehearse_evaluation(count: Any, state: Any, batch: HostBatch) -> None:
    """Traces the evaluation of the first batch, so that its errors appear early.

    Nothing is computed.

    Raises:
      ValueError: If the network does not accept the images of the batch.
    """
    try:
        jax.eval_shape(count, state.variables(), batch)
    except (ArithmeticError, TypeError, ValueError) as error:
        size = "x".join(map(str, batch["label"].shape[1:]))
        why = f"{type(error).__name__}: {error}".splitlines()[0]
        raise ValueError(
            f"data.eval_scale or model.options is invalid: the network cannot be "
            f"evaluated on images of {size} pixels ({why})"
        ) from error


@contextlib.contextmanager
def _naming_options(options: Mapping[str, Any]) -> Iterator[None]:
    """Adds the full option name to errors of blocks of the network."""
    try:
        yield
    except ValueError as error:
        found = re.match(r"(\w+)=.*", str(error.__cause__))
        if found and found[1] in options:
            raise ValueError(f"model.options.{found[0]}") from error
        raise


def _open(config: Config, field: str, trained: DatasetSpec | None = None) -> Examples:
    split = getattr(config.data, field)
    try:
        return training_of(config).open_source(config.data, split, trained=trained)
    except UnknownSplit as error:
        if error.split == config.data.eval_split:  # Opening one split can check both.
            field, split = "eval_split", error.split
        advice = split_advice(error.splits) if field == "eval_split" else ""
        raise ValueError(
            f"data.{field}={split!r} is invalid: {error.expected}{advice}"
        ) from error


def _settle_spec(
    config: Config, workdir: Path, train_source: Any, eval_source: Any
) -> tuple[str, ...]:
    """Gives both sources the normalization of the run or its pretrained weights.

    Returns:
      Notes for the user.
    """
    spec, notes = restart.spec_of_run(train_source.spec, workdir), []
    if config.train.init_from is not None and not restart.started(workdir):
        source = local_run(OPTION, config.train.init_from)
        start = weights_start if weights_start.is_weights(source) else pretrained
        spec, notes = start.source_spec(spec, source)
    for source in (train_source, eval_source):
        source.spec = spec
    sizes = getattr(eval_source, "sizes", ())  # Point clouds have none.
    note = sizes_note(sizes, config.data.eval_multiple)
    return (*notes, note) if note else tuple(notes)


def loss_note(loss: LossConfig, model: Any) -> str | None:
    """Returns a note if a network is trained without the loss of its paper, or None.

    Args:
      loss: The losses of the configuration.
      model: The network. If its paper has a loss for outputs that only this network
        has, its attribute `paper_loss` is the name of this loss.
    """
    name = getattr(model, "paper_loss", None)
    if name in (None, loss.name, *(other for other, _ in loss.additional)):
        return None
    return (
        f"The loss is {loss.name} of the pixels. The paper trains this network by the "
        f"loss {name}: use --loss.name {name}."
    )


def _check_data(
    config: Config, train_source: Any, eval_source: Any, chosen: list[jax.Device]
) -> None:
    """Raises ValueError if options do not suit the classes or sizes of the data."""
    spec = train_source.spec
    classes = spec.classes
    chosen_classes = config.data.oversample_classes
    if wrong := sorted(set(chosen_classes) - set(classes)):
        expected = f"classes of the data, which are {', '.join(classes)}"
        advice = did_you_mean(wrong[0], classes).strip()
        raise ValueError(
            invalid("data.oversample_classes", chosen_classes, expected, advice=advice)
        )
    if hasattr(eval_source, "sizes"):  # images, not clouds
        planes = spec.channels + spec.num_classes
        memory.check_batch(config, planes, chosen)
        batch = ("train.eval_batch_size", config.train.eval_batch_size)
        sizes = eval_source.sizes
        selection.check_eval_sizes(
            "train.spatial_shards",
            config.train.spatial_shards,
            sizes=sizes,
            multiple=config.data.eval_multiple,
        )
        memory.check_evaluation(
            config, sizes=sizes, planes=planes, devices=chosen, batch=batch
        )


def _first(stream: Any) -> HostBatch:
    """Returns the first batch of a stream and closes the stream."""
    with contextlib.closing(stream):
        return next(stream)
