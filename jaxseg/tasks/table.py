"""What a run is made of, by the kind of its network.

Nearly all networks take images and give logits of a label map: `SEGMENTATION`. The
exceptions of `SYSTEMS` read other data or have an objective of their own; loop,
checkpoints, scores and commands are the same for all.
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
from jaxseg.tasks import pix2pix as adversarial
from jaxseg.tasks import point_clouds as clouds
from jaxseg.tasks import prob_unet as probabilistic
from jaxseg.tasks import segmentation
from jaxseg.tasks.predict_point_clouds import predict_clouds
from jaxseg.training.devices.runner import Training
from jaxseg.training.run.task import HostBatch, Task
from jaxseg.training.step.state import TrainState


class Examples(Protocol):
    """The examples of a split."""

    spec: DatasetSpec
    ids: tuple[str, ...]

    def __len__(self) -> int:
        """Their number."""


@dataclasses.dataclass(frozen=True)
class System:
    """The parts that `train` and `eval` put together.

    Attributes:
        open_source: data configuration and split -> examples.
        assemble: configuration, training examples, devices -> driver, state, network.
        make_task: configuration, work directory, network, both sources -> streams.
        counting: configuration, network, spec -> evaluation step.
        eval_batches: examples -> one pass over them, as `jaxseg.data.eval_batches`.
        further_scores: configuration, network, examples -> what makes scores beside
            those of the confusion counts of variables, or None.
        predict: options of `jaxseg predict`, configuration, spec -> exit status; None
            for networks of images.
    """

    open_source: Callable[[DataConfig, str], Examples] = open_source
    assemble: Callable[
        [Config, Any, list[jax.Device]], tuple[Training, TrainState, nn.Module]
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
    predict: Callable[[Any, Config, DatasetSpec], int] | None = None


SEGMENTATION = System()
CLOUDS = System(
    open_clouds,
    clouds.assemble,
    clouds.make_task,
    clouds.counting,
    cloud_eval_batches,
    predict=predict_clouds,
)
PICTURES = System(
    adversarial.open_source,
    adversarial.assemble,
    adversarial.make_task,
    adversarial.counting,
    further_scores=adversarial.further_scores,
)
LATENT = System(
    assemble=probabilistic.assemble,
    make_task=probabilistic.make_task,
    further_scores=probabilistic.further_scores,
)
SYSTEMS: dict[str, System] = {
    "pix2pix_unet256": PICTURES,
    "pix2pix_unet128": PICTURES,
    "prob_unet": LATENT,
    "prob_unet_cityscapes": LATENT,
    "point_transformer": CLOUDS,
}


def system_of(config: Config) -> System:
    """The parts for the network of a configuration."""
    return SYSTEMS.get(config.model.name, SEGMENTATION)
