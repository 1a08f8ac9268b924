"""Builds the training of networks that assign a class to each point of point clouds."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from jaxseg import losses
from jaxseg.config import Config, LossConfig
from jaxseg.data import (
    Clouds,
    DatasetSpec,
    cloud_eval_batches,
    cloud_train_batches,
    open_clouds,
)
from jaxseg.tasks import overlays
from jaxseg.tasks.cloud_network import INPUTS, Batch, classifier
from jaxseg.tasks.functions import TrainingFunctions
from jaxseg.tasks.training import (
    Parts,
    Training,
    axis_of,
    build_training,
)
from jaxseg.training.step import steps
from jaxseg.viz.ply import write_ply


def build(
    config: Config,
    spec: DatasetSpec,
    devices: Sequence[jax.Device],
    *,
    class_pixels: Sequence[float] | None = None,
) -> Training:
    """Builds the network, the optimizer and the steps for training on point clouds.

    The result is a `Training`. No array is allocated.

    Args:
      config: The configuration.
      spec: The classes of the data.
      devices: The devices of all processes.
      class_pixels: The number of labeled points of each class, [K]. It is needed if the
        loss weights the classes by their frequency.
    """
    loss_fn = cloud_loss(
        config.loss,
        class_pixels=class_pixels,
        void=spec.void,
        axis_name=axis_of(config),
    )
    parts = Parts(
        step=steps.train_step,
        loss_fn=loss_fn,
        prepare=with_integers,
        make_eval_step=make_eval_step,
        inputs=lambda model: model.example_inputs(),
        entries=INPUTS,
    )
    return build_training(config, spec=spec, devices=devices, parts=parts)


def batch_shapes(
    config: Config, batch: int, spec: DatasetSpec
) -> dict[str, jax.ShapeDtypeStruct]:
    """Returns the shapes and types of a training batch over all processes.

    The result is a dictionary from the name of each array, such as "points", to a
    `jax.ShapeDtypeStruct`.

    Args:
      config: The configuration.
      batch: The number of point clouds in the batch over all processes.
      spec: The dataset specification, which determines the type of the labels.
    """
    shape, points = jax.ShapeDtypeStruct, (batch, config.data.num_points)
    return {
        "points": shape((*points, 3), jnp.float32),
        "feature": shape((*points, 3), jnp.float32),
        "mask": shape(points, jnp.bool_),
        "label": shape(points, spec.label_dtype),
        "seed": shape((batch,), jnp.uint32),
        "index": shape((batch,), jnp.int32),
    }


def cloud_loss(config: LossConfig, **options: Any) -> Callable:
    """Builds the loss function for point clouds.

    The logits [B, N, K] of N points are treated as those of images of N x 1 pixels.

    Raises:
      ValueError: If a loss uses neighboring pixels.
    """
    for name in (config.name, *(extra for extra, _ in config.additional)):
        if name in losses.LOSSES and not losses.LOSSES[name].for_points:
            allowed = [n for n, loss in losses.LOSSES.items() if loss.for_points]
            raise ValueError(
                f"loss.name={name!r} is invalid for point clouds, which have no "
                f"neighboring pixels: expected one of {', '.join(allowed)}."
            )
    loss_fn = losses.build_objective(config, **options)

    def of_columns(outputs, batch):
        outputs = {name: value[:, :, None] for name, value in outputs.items()}
        return loss_fn(outputs, {**batch, "label": batch["label"][:, :, None]})

    return of_columns


def with_integers(batch: Batch) -> Batch:
    """Returns a batch of point clouds with its labels converted to int32."""
    return {**batch, "label": batch["label"].astype(jnp.int32)}


def make_eval_step(
    config: Config, model: nn.Module, spec: DatasetSpec
) -> functools.partial:
    """Returns the evaluation step for batches of point clouds.

    The step is a function that takes the variables and a batch, and returns the
    confusion matrix of the batch.
    """
    del config
    return functools.partial(
        steps.eval_step,
        predict=steps.most_probable(model, INPUTS),
        num_classes=spec.num_classes,
        void=spec.void,
    )


def cloud_writer(
    config: Config, workdir: Path, model: nn.Module, source: Clouds
) -> Callable[[int, Any], None] | None:
    """Returns a function that writes predicted point clouds during training, or None.

    The function takes the number of the training step and the variables. It writes up
    to `train.num_overlays` validation clouds as PLY files, in which the color of each
    point shows its predicted class. The result is None if `train.num_overlays` is 0,
    and on all processes other than the first.
    """
    count = config.train.num_overlays
    if count < 1 or jax.process_index() != 0:
        return None
    palette = np.array(source.spec.palette, np.uint8)

    def write(step: int, variables: Any) -> None:
        local = jax.tree.map(lambda x: x.addressable_data(0), variables)
        batch = next(cloud_eval_batches(source, batch_size=min(count, len(source))))
        label = classifier(model, local)(batch).argmax(-1)
        folder = workdir / overlays.FOLDER / f"{step:08d}"
        folder.mkdir(parents=True, exist_ok=True)
        for row, index in enumerate(batch["index"]):
            there = batch["mask"][row]
            if there.any():
                path = folder / overlays.file_name(source.ids[index])
                color = palette[label[row][there]]
                write_ply(path.with_suffix(".ply"), batch["points"][row][there], color)

    return write


TRAINING = TrainingFunctions(
    open_source=open_clouds,
    build=build,
    make_eval_step=make_eval_step,
    train_batches=cloud_train_batches,
    eval_batches=cloud_eval_batches,
    batch_shapes=batch_shapes,
    overlays=cloud_writer,
)
