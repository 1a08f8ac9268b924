"""Prints what `jaxseg train` trains, and its results."""

from __future__ import annotations

import functools
import sys
from pathlib import Path

import jax
import numpy as np

from jaxseg._train import Trained
from jaxseg.cli.verbosity import note
from jaxseg.config import Config
from jaxseg.data.classes import describe_classes, describe_source
from jaxseg.data.mix.opening import describe_members
from jaxseg.data.normalization import describe_pixels
from jaxseg.metrics import scores
from jaxseg.metrics.overlapping import overlapping_scores
from jaxseg.runs.directory import CHECKPOINTS
from jaxseg.tasks import overlays
from jaxseg.tasks.scoring import score_tables
from jaxseg.tasks.start import Start
from jaxseg.text import as_message, counted
from jaxseg.training.run.profile import FOLDER as PROFILE

TABLE = {*scores(np.zeros((2, 1), int)), *overlapping_scores(np.zeros((3, 2), int))}


def print_beginning(
    config: Config, workdir: Path | str, start: Start, chosen: list[jax.Device]
) -> None:
    """Prints what is trained: notes, dataset, network, devices and run directory.

    Args:
      config: The configuration.
      workdir: The run directory.
      start: The opened data and the initial state of the run, with notes to print.
      chosen: The devices of the run.
    """
    for line in start.notes:
        note(f"jaxseg: {line}", file=sys.stderr)
    spec = start.train_source.spec
    if spec.source:
        note(describe_source(spec))
    note(describe_classes(spec))
    for line in describe_members(config.data, start.train_source):
        note(line)
    if not spec.is_rgb8 or config.data.statistics == "dataset":
        note(f"images: {describe_pixels(spec)}")
    parameters = sum(leaf.size for leaf in jax.tree.leaves(start.state.params))
    devices = counted(len(chosen), f"{chosen[0].platform} device")
    examples = counted(len(start.train_source), "training example")
    line = (
        f"{config.model.title}, {parameters:,} parameters, on {devices}; {examples}; "
        f"records in {workdir}"
    )
    note(line)


def print_outcome(config: Config, trained: Trained) -> None:
    """Prints the last scores, and where the pictures and the best checkpoint are.

    A note says if the run ended before its last step.
    """
    found, shown = trained.scores, functools.partial(_shown, trained)
    if trained.spec.members or sum(found["pixels"]):
        print(as_message(score_tables(found, trained.spec)))
    if trained.step < config.train.steps:
        note(
            f"The run ended at step {trained.step} of {config.train.steps}, because "
            f"{config.train.patience} evaluations in a row brought no higher mean IoU."
        )
    members = {name for name in found if "/" in name}  # the scores of each dataset
    for name in sorted(found.keys() - TABLE - members):
        print(f"{name} {found[name]:.4f}")
    steps = sorted((trained.folder / overlays.FOLDER).glob("*"))
    for picture in sorted(steps[-1].iterdir()) if steps else ():
        note(f"overlay: {shown(picture)}")
    if trained.best_step is not None:
        best = trained.folder / CHECKPOINTS / str(trained.best_step)
        note(f"best checkpoint: {shown(best)}")
    traces = sorted((trained.folder / PROFILE).rglob("perfetto_trace.json.gz"))
    for trace in traces[-1:]:
        note(f"profile: {shown(trace)}")
    if trained.report is not None:
        note(f"report: {shown(trained.report)}")


def _shown(trained: Trained, path: Path) -> str:
    """Returns the path of a file of a run, or its address if the run is in a bucket."""
    if isinstance(trained.workdir, Path):
        return str(path)
    return (
        f"{trained.workdir.rstrip('/')}/{path.relative_to(trained.folder).as_posix()}"
    )
