"""Implements `jaxseg train --dry-run`, which prints what a training run would do.

It opens the data, builds the network and compiles the training step, as training does.
It writes only the prepared data, which training would write as well.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxseg.cli.data_options import naming_check
from jaxseg.cli.train_output import print_beginning
from jaxseg.config import Config
from jaxseg.data.spec import DatasetSpec
from jaxseg.plan.compile import compiled
from jaxseg.plan.fitted import fitted
from jaxseg.plan.topology import Slice
from jaxseg.runs.places import check_workdir
from jaxseg.runs.remote.reading import previewed_run
from jaxseg.tasks.start import prepare
from jaxseg.text import as_message, counted
from jaxseg.training.devices import selection

PIECE = 2**20  # The bytes of a MiB.
LISTED = 30  # classes


def show_run(config: Config, workdir: Path | str, *, count: int | None) -> None:
    """Prints a description of a run: data, first batch, steps, devices, memory, files.

    Args:
      config: The checked configuration.
      workdir: The run directory, to which nothing is written.
      count: The number of devices, or None to use all.
    """
    chosen = selection.choose(count)
    check_workdir(workdir)
    with naming_check(config.data), previewed_run(workdir) as folder:
        config, notes = fitted(config, folder, chosen)
        start = prepare(config, folder, chosen).noted(notes)
        with contextlib.closing(start.task.train_batches(0)) as batches:
            batch = dict(next(batches))
    spec = start.train_source.spec
    if jax.process_index() != 0:
        return
    print_beginning(config, workdir, start, chosen)
    for line in (
        "dry run: no step is trained, and nothing is written to the run directory",
        *_size_lines(config, len(start.train_source), start.state),
        *batch_lines(batch, spec),
        memory_line(config, chosen),
        f"files would go to {workdir}",
    ):
        print(as_message(line), flush=True)


def _size_lines(config: Config, examples: int, state: Any) -> Iterator[str]:
    """Yields the numbers of parameters, steps and epochs."""
    parameters = sum(leaf.size for leaf in jax.tree.leaves(state.params))
    yield f"parameters: {parameters:,}"
    steps, size = config.train.steps, config.train.batch_size
    epochs = steps * size / max(examples, 1)
    yield (
        f"steps: {steps:,} of {counted(size, 'example')}, which are {epochs:.1f} "
        f"epochs of {counted(examples, 'example')}; evaluations every "
        f"{config.train.eval_every:,} steps"
    )


def batch_lines(batch: Mapping[str, Any], spec: DatasetSpec) -> Iterator[str]:
    """Yields lines of text with the shapes of a batch and the statistics of its pixels.

    Args:
      batch: The arrays of the batch by name, as the input pipeline yields them.
      spec: The classes and pixel values of the dataset.
    """
    for name, value in batch.items():
        array = np.asarray(value)
        yield f"batch: {name} {array.dtype} {list(array.shape)}"
    if "image" in batch:
        image = np.asarray(batch["image"], np.float64)
        axes = tuple(range(image.ndim - 1))
        mean = " ".join(f"{value:.4g}" for value in image.mean(axes))
        deviation = " ".join(f"{value:.4g}" for value in image.std(axes))
        yield f"pixels of the batch, per channel: mean {mean}; std {deviation}"
    label = np.asarray(batch["label"]) if "label" in batch else np.zeros(0)
    if label.ndim == 3 and not spec.multilabel:
        yield from _class_lines(label, spec)


def _class_lines(label: np.ndarray, spec: DatasetSpec) -> Iterator[str]:
    """Yields the share of each class among the labeled pixels of a batch."""
    ignored = label == spec.void
    pixels = np.bincount(label[~ignored].astype(int), minlength=spec.num_classes)
    total = max(int(pixels.sum()), 1)
    shares = [
        f"{name} {100 * number / total:.1f} %"
        for name, number in zip(spec.classes, pixels, strict=False)
    ]
    more = [f"and {len(shares) - LISTED} more"] if len(shares) > LISTED else []
    yield "classes of the batch: " + ", ".join(shares[:LISTED] + more)
    yield f"ignored pixels of the batch: {100 * ignored.mean():.1f} %"


def memory_line(config: Config, devices: list[jax.Device]) -> str:
    """Compiles the training step, and returns text about the memory that it needs.

    The text is one line about the memory of one device.

    Args:
      config: The configuration.
      devices: The devices of the run.
    """
    local = Slice("local", tuple(devices), chip=None, diameter=0)
    try:
        program = compiled(config, local)
    except ValueError as error:  # Some kinds of training cannot be planned.
        return f"memory: not estimated, because {error}"
    if program.memory is None:
        return f"memory: the training step does not fit: {program.refusal}"
    memory = program.memory
    return (
        f"memory of the compiled training step on each device: "
        f"{program.needs() / PIECE:,.1f} MiB (arguments "
        f"{memory.arguments / PIECE:,.1f} MiB, temporaries "
        f"{memory.temporaries / PIECE:,.1f} MiB)"
    )
