"""Lists the tasks. A task defines how one kind of network is trained and evaluated.

Most networks belong to the task of segmentation: they take images and return logits for
each pixel. The other tasks read point clouds or have a loss function of their own. All
tasks share the training loop, the checkpoints, the scores and the commands.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, Protocol

import jax
from flax import linen as nn

from jaxseg.config import Config, DataConfig
from jaxseg.data import (
    DatasetSpec,
    cloud_eval_batches,
    cloud_train_batches,
    eval_batches,
    open_clouds,
    open_source,
    train_batches,
)
from jaxseg.tasks import names, pix2pix, point_clouds, prob_unet, segmentation
from jaxseg.tasks.training import Training
from jaxseg.training.devices.placement import HostBatch


class Examples(Protocol):
    """Defines the attributes and methods of an object that contains labeled examples.

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
    """Contains the functions of a task that `train`, `eval` and `plan` call.

    Attributes:
      kind: Whether the examples are images or point clouds.
      open_source: Maps a data configuration and a split to the examples.
      spec: Maps the specification of a dataset to the one that `open_source` assigns to
        the examples. They differ if the task normalizes images in its own way.
      build: Maps a configuration, a dataset specification and devices to the training.
        If the loss weights the classes by frequency, the keyword `class_pixels` is the
        number of pixels of each class.
      make_eval_step: Maps a configuration, a network and a dataset specification to the
        evaluation step, which computes a confusion matrix.
      train_batches: Yields training batches, as `jaxseg.data.train_batches` does.
      eval_batches: Yields the batches of one pass over the examples, as
        `jaxseg.data.eval_batches` does.
      batch_shapes: Maps a configuration, a batch size and a dataset specification to
        the shapes of a training batch on all processes.
      overlays: Maps a configuration, a run directory, a network and examples to a
        function that draws predictions, or to None.
      further_scores: Maps a configuration, a network and examples to a function that
        computes scores other than those of the confusion matrix, or to None.
    """

    kind: Literal["images", "clouds"] = "images"
    open_source: Callable[[DataConfig, str], Examples] = open_source
    spec: Callable[[DatasetSpec], DatasetSpec] = lambda spec: spec
    build: Callable[..., Training] = segmentation.build
    make_eval_step: Callable[[Config, nn.Module, DatasetSpec], Callable] = (
        segmentation.make_eval_step
    )
    train_batches: Callable[..., Iterator[HostBatch]] = train_batches
    eval_batches: Callable[..., Iterator[HostBatch]] = eval_batches
    batch_shapes: Callable[
        [Config, int, DatasetSpec], dict[str, jax.ShapeDtypeStruct]
    ] = segmentation.batch_shapes
    overlays: Callable[
        [Config, Path, nn.Module, Any], Callable[[int, Any], None] | None
    ] = segmentation.picture_writer
    further_scores: Callable[
        [Config, nn.Module, Any], Callable[[Any], Mapping[str, float]] | None
    ] = lambda config, model, examples: None


TASKS: dict[str, TaskRecord] = {
    names.SEGMENTATION: TaskRecord(),
    names.POINT_CLOUDS: TaskRecord(
        kind="clouds",
        open_source=open_clouds,
        build=point_clouds.build,
        make_eval_step=point_clouds.make_eval_step,
        train_batches=cloud_train_batches,
        eval_batches=cloud_eval_batches,
        batch_shapes=point_clouds.batch_shapes,
        overlays=point_clouds.cloud_writer,
    ),
    names.PIX2PIX: TaskRecord(
        open_source=pix2pix.open_source,
        spec=pix2pix.centered,
        build=pix2pix.build,
        make_eval_step=pix2pix.make_eval_step,
        overlays=pix2pix.picture_writer,
        further_scores=pix2pix.further_scores,
    ),
    names.PROB_UNET: TaskRecord(
        build=prob_unet.build, further_scores=prob_unet.further_scores
    ),
}


def task_of(config: Config) -> TaskRecord:
    """Returns the task for which the network of a configuration is made."""
    return TASKS[names.task_name(config)]
