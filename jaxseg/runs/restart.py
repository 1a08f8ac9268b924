"""Checks whether a run directory can be resumed with a given configuration."""

from __future__ import annotations

import re
from pathlib import Path

from jaxseg.checkpoints.steps import steps_in
from jaxseg.config import Config
from jaxseg.config.stored_code import unmarked
from jaxseg.data import DatasetSpec
from jaxseg.data.classes import same_classes
from jaxseg.runs.directory import CHECKPOINTS, CONFIG, DATASET, read_config, read_spec
from jaxseg.runs.rules import invalid
from jaxseg.runs.serialize import differences, to_dict

# These fields may change when a run is resumed. They do not affect the result beyond
# rounding, except for train.steps, which stretches the schedule.
FREE = (
    "train.steps",
    "train.log_every",
    "train.loggers",
    "train.eval_every",
    "train.patience",
    "train.save_every",
    "train.eval_batch_size",
    "train.max_to_keep",
    "train.num_overlays",
    "train.report_images",
    "train.memory",
    "train.memory_changes",
    "train.remat",
    "train.spatial_shards",
    "train.shard",
    "lab.every",
    "lab.images",
    "data.eval_multiple",
    "data.raw_dir",
    "data.prepared_dir",
    "data.module",
    "data.cache",
    "data.workers",
    "data.worker_processes",
    "data.max_pixels",
)
MEMBER = re.compile(r"^data\.mix\[\d+\]\.")  # Options of one of several datasets.


def latest_step(workdir: Path) -> int | None:
    """Returns the step of the newest checkpoint of a run, or None if it has none."""
    return max(steps_in(workdir / CHECKPOINTS), default=None)


def started(workdir: Path) -> bool:
    """Returns whether the run in `workdir` has a checkpoint to resume from."""
    return latest_step(workdir) is not None


def check_same_run(config: Config, workdir: Path) -> None:
    """Raises ValueError unless a configuration can continue the run in a directory.

    Fields in `FREE` may differ, such as how often the run is evaluated. A directory
    without a checkpoint accepts any configuration.

    Raises:
      ValueError: If other fields differ, if the newest checkpoint is after train.steps,
        or if the files that describe the run are missing.
    """
    step = latest_step(workdir)
    if step is None:
        return
    for name in (CONFIG, DATASET):
        if not (workdir / name).is_file():
            raise ValueError(
                f"{workdir / name} is missing, although {workdir} has a checkpoint of "
                f"step {step}: expected this file, which states how the run was "
                "started. Restore it, or choose another --workdir."
            )
    stored = to_dict(unmarked(read_config(workdir)))
    lines = [
        line
        for line in differences(stored, to_dict(unmarked(config)))
        if not MEMBER.sub("", line).startswith(tuple(f"{name}:" for name in FREE))
    ]
    if lines:
        raise ValueError(
            f"workdir={str(workdir)!r} is invalid: expected a run with this "
            f"configuration, but the run there differs in {'; '.join(lines)}. Choose "
            "another --workdir, or use the settings of the run there."
        )
    if config.train.steps < step:
        expected = f"at least {step}, the step that {workdir} has reached"
        raise ValueError(invalid("train.steps", config.train.steps, expected))


def spec_of_run(spec: DatasetSpec, workdir: Path) -> DatasetSpec:
    """Returns a dataset specification with the image normalization that a run stores.

    Args:
      spec: The specification of the current data.
      workdir: The run directory.

    Raises:
      ValueError: If the run was trained on other classes, or on the same classes in
        another order. The message names both lists.
    """
    if not started(workdir):
        return spec
    stored = read_spec(workdir)
    if not same_classes(stored.classes, spec.classes):
        raise ValueError(
            f"workdir={str(workdir)!r} is invalid: expected a run with the classes of "
            f"the data, {', '.join(spec.classes)}, but it was trained on "
            f"{', '.join(stored.classes)}. Choose another --workdir, or use data with "
            "the classes of the run in the same order."
        )
    if spec.members != stored.members:
        raise ValueError(
            f"workdir={str(workdir)!r} is invalid: expected a run that was trained "
            "with the classes and class maps of data.mix. Choose another --workdir, or "
            "restore the class maps of that run."
        )
    _check_source(spec, stored, workdir)
    return spec.normalized_as(stored)


def _check_source(spec: DatasetSpec, stored: DatasetSpec, workdir: Path) -> None:
    """Raises ValueError if a run was trained on other data of tensorflow_datasets."""
    if stored.source and stored.source != spec.source:
        lines = differences(dict(stored.source), dict(spec.source))
        raise ValueError(
            f"workdir={str(workdir)!r} is invalid: expected a run that was trained on "
            f"these data, but its data {stored.name} differ in {'; '.join(lines)}. "
            "Choose another --workdir, or set --data.name, --data.image and "
            "--data.label to the values with which the run was trained."
        )
