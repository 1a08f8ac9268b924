"""The tasks: what training and evaluation are made of, by the kind of network.

Nearly all networks take images and return the logits of a label map. The other tasks
read other data or have an objective of their own. The loop, the checkpoints, the scores
and the commands are the same for all of them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import jax
from flax import linen as nn

from jaxseg.config import Config, DataConfig
from jaxseg.data import (
    DatasetSpec,
    cloud_eval_batches,
    eval_batches,
    open_clouds,
    open_source,
)
from jaxseg.tasks import names, pix2pix, point_clouds, prob_unet, segmentation
from jaxseg.training.devices.placement import HostBatch
from jaxseg.training.devices.runner import StepRunner
from jaxseg.training.run.task import Task
from jaxseg.training.step.state import TrainState


class Examples(Protocol):
    """The examples of a split.

    Attributes:
        spec: The classes of the dataset.
        ids: The names of the examples.
    """

    spec: DatasetSpec
    ids: tuple[str, ...]

    def __len__(self) -> int:
        """Returns the number of examples."""


@dataclasses.dataclass(frozen=True)
class TaskRecord:
    """The parts of a task that `train`, `eval` and `plan` put together.

    Attributes:
        open_source: Maps a data configuration and a split to its examples.
        assemble: Maps a configuration, training examples and devices to the runner, the
            new state and the network.
        make_task: Maps a configuration, a run directory, the network and both sources
            to the streams of batches and the pictures of a run.
        counting: Maps a configuration, a network and a spec to the evaluation step.
        eval_batches: Yields the batches of one pass over the examples, as
            `jaxseg.data.eval_batches` does.
        further_scores: Maps a configuration, a network and examples to a function that
            computes scores besides those of the confusion counts, or to None.
    """

    open_source: Callable[[DataConfig, str], Examples] = open_source
    assemble: Callable[
        [Config, Any, list[jax.Device]], tuple[StepRunner, TrainState, nn.Module]
    ] = segmentation.assemble
    make_task: Callable[[Config, Path, nn.Module, Any, Any], Task] = (
        segmentation.make_task
    )
    counting: Callable[[Config, nn.Module, DatasetSpec], Callable] = (
        segmentation.counting
    )
    eval_batches: Callable[..., Iterator[HostBatch]] = eval_batches
    further_scores: Callable[
        [Config, nn.Module, Any], Callable[[Any], Mapping[str, float]] | None
    ] = lambda config, model, examples: None


TASKS: dict[str, TaskRecord] = {
    names.SEGMENTATION: TaskRecord(),
    names.POINT_CLOUDS: TaskRecord(
        open_source=open_clouds,
        assemble=point_clouds.assemble,
        make_task=point_clouds.make_task,
        counting=point_clouds.counting,
        eval_batches=cloud_eval_batches,
    ),
    names.PIX2PIX: TaskRecord(
        open_source=pix2pix.open_source,
        assemble=pix2pix.assemble,
        make_task=pix2pix.make_task,
        counting=pix2pix.counting,
        further_scores=pix2pix.further_scores,
    ),
    names.PROB_UNET: TaskRecord(
        assemble=prob_unet.assemble,
        make_task=prob_unet.make_task,
        further_scores=prob_unet.further_scores,
    ),
}


def task_of(config: Config) -> TaskRecord:
    """Returns the task of the network of a configuration."""
    return TASKS[names.task_name(config)]
