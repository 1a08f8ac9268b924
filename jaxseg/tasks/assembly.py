"""Builds the network, the initial state and the step functions of a training run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
from flax import linen as nn

from jaxseg.config import Config
from jaxseg.data import class_frequencies
from jaxseg.tasks.functions import Examples, padding, training_of
from jaxseg.tasks.scoring import matrix_classes, scoring
from jaxseg.training.devices.runner import StepRunner
from jaxseg.training.run.task import Task
from jaxseg.training.step.state import TrainState


def assemble(
    config: Config, source: Any, devices: list[jax.Device]
) -> tuple[StepRunner, TrainState, nn.Module]:
    """Builds the step runner, the initial state and the network of a training run.

    Args:
      config: The configuration.
      source: The training examples. If the loss weights the classes by frequency, the
        pixels of each class in these examples are counted.
      devices: The devices of all processes.

    Returns:
      A tuple: the object that runs training and evaluation steps on the devices, the
      initial training state and the network.
    """
    weighted = config.loss.class_weights != "none"
    pixels = class_frequencies(source).pixels if weighted else None
    build = training_of(config).build
    runner, new_state, model = build(config, source.spec, devices, class_pixels=pixels)
    return runner, new_state(), model


def make_task(
    config: Config,
    workdir: Path,
    model: nn.Module,
    train_source: Examples,
    eval_source: Examples,
) -> Task:
    """Returns the object that supplies the batches, scores and pictures of a run.

    Args:
      config: The configuration.
      workdir: The run directory.
      model: The network.
      train_source: The training examples.
      eval_source: The examples on which the network is evaluated during training.
    """
    record, run = training_of(config), config.train
    share = {
        "process_index": jax.process_index(),
        "process_count": jax.process_count(),
    }
    return Task(
        classes=matrix_classes(train_source.spec),
        ids=train_source.ids,
        eval_ids=eval_source.ids,
        train_batches=lambda start: record.train_batches(
            train_source,
            config.data,
            seed=run.seed,
            batch_size=run.batch_size,
            start_step=start,
            **share,
        ),
        eval_batches=lambda: record.eval_batches(
            eval_source, **padding(config), batch_size=run.eval_batch_size, **share
        ),
        overlays=record.overlays(config, workdir, model, eval_source),
        further_scores=record.further_scores(config, model, eval_source),
        scores=scoring(train_source.spec),
    )
