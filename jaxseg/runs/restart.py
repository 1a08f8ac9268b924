"""Going on with a run: the same settings, the same classes, a checkpoint that fits."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from jaxseg.checkpoints.steps import steps_in
from jaxseg.config import Config
from jaxseg.data import DatasetSpec
from jaxseg.data.classes import same_classes
from jaxseg.runs.directory import CHECKPOINTS, CONFIG, DATASET, read_config, read_spec
from jaxseg.runs.rules import invalid
from jaxseg.runs.serialize import differences, to_dict

FREE = (  # may change between two starts of a run: nothing the arithmetic depends on,
    "train.steps",  # but for the length, which stretches the schedule
    "train.log_every",
    "train.eval_every",
    "train.save_every",
    "train.eval_batch_size",
    "train.max_to_keep",
    "train.num_overlays",
    "train.spatial_shards",
    "train.shard",
    "data.raw_dir",
    "data.prepared_dir",
    "data.cache",
    "data.workers",
    "data.max_pixels",
)


def latest_step(workdir: Path) -> int | None:
    """The newest step that a run saved; None when nothing was trained yet."""
    return max(steps_in(workdir / CHECKPOINTS), default=None)


def started(workdir: Path) -> bool:
    """Whether a run in `workdir` has a checkpoint to go on from."""
    return latest_step(workdir) is not None


def check_same_run(config: Config, workdir: Path) -> None:
    """Raises ValueError when `workdir` holds a run that this configuration is not.

    A directory in which nothing was trained yet takes any configuration.
    """
    step = latest_step(workdir)
    if step is None or not (workdir / CONFIG).is_file():
        return
    lines = [
        line
        for line in differences(to_dict(read_config(workdir)), to_dict(config))
        if not line.startswith(tuple(f"{name}:" for name in FREE))
    ]
    if lines:
        raise ValueError(
            f"{workdir} holds another run; choose another --workdir, or the same "
            f"settings. They differ in {'; '.join(lines)}"
        )
    if config.train.steps < step:
        expected = f"at least {step}, the step that {workdir} has reached"
        raise ValueError(invalid("train.steps", config.train.steps, expected))


def spec_of_run(spec: DatasetSpec, workdir: Path) -> DatasetSpec:
    """The specification of the data, with the normalization that the run began with.

    Raises:
      ValueError: naming both lists, when the run was trained on other classes, or on
        the same in another order.
    """
    if not started(workdir) or not (workdir / DATASET).is_file():
        return spec
    stored = read_spec(workdir)
    if not same_classes(stored.classes, spec.classes):
        raise ValueError(
            f"{workdir} was trained on the classes {', '.join(stored.classes)}; the "
            f"data now have {', '.join(spec.classes)}. Choose another --workdir, or "
            "give the data these classes in this order"
        )
    return dataclasses.replace(spec, mean=stored.mean, std=stored.std)
