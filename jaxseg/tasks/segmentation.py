"""Builds the training of networks that map images to class logits for each pixel."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxseg import losses
from jaxseg.config import Config
from jaxseg.data import DatasetSpec
from jaxseg.inference.image_network import ImageNetwork
from jaxseg.metrics.overlapping import states
from jaxseg.runs.outputs import output_form
from jaxseg.tasks import mixed, multilabel, overlays
from jaxseg.tasks.functions import TrainingFunctions, no_probabilities
from jaxseg.tasks.training import (
    Parts,
    Training,
    axis_of,
    build_training,
    image_augmentation,
    image_inputs,
)
from jaxseg.training.step import steps


def build(
    config: Config,
    spec: DatasetSpec,
    devices: Sequence[jax.Device],
    *,
    class_pixels: Sequence[float] | None = None,
    inputs: Sequence[str] = ("image",),
) -> Training:
    """Builds the network, the optimizer and the steps of a training run.

    The result is a `Training`. No array is allocated.

    Args:
      config: The configuration.
      spec: The classes and the normalization of the data.
      devices: The devices of all processes.
      class_pixels: The number of labeled pixels of each class, [K]. It is needed if the
        loss weights the classes by their frequency.
      inputs: The names of the arrays in a batch that the network takes in training,
        such as "image".
    """
    loss_fn = losses.build_objective(
        config.loss,
        class_pixels=class_pixels,
        void=spec.void,
        axis_name=axis_of(config),
        merged=spec.union.merged if spec.union else (),
        form=output_form(config, spec),
    )
    parts = Parts(
        step=steps.train_step,
        loss_fn=loss_fn,
        prepare=mixed.translating(
            multilabel.unpacking(image_augmentation(config, spec), spec), spec
        ),
        make_eval_step=make_eval_step,
        inputs=image_inputs(config, spec.channels),
        entries=inputs,
    )
    return build_training(config, spec, devices, parts)


def make_eval_step(
    config: Config, model: nn.Module, spec: DatasetSpec
) -> functools.partial:
    """Returns the evaluation step, which computes the confusion matrix of a batch.

    The step is a function of the variables and a batch.
    """
    if spec.union is not None:
        return mixed.make_eval_step(config, model, spec)
    if spec.multilabel:
        return multilabel.make_eval_step(config, model, spec)
    network = ImageNetwork(model, spec, scale=config.data.eval_scale)
    return functools.partial(
        steps.eval_step,
        predict=lambda variables, batch: network.labels(variables, batch["image"]),
        num_classes=spec.num_classes,
        void=spec.void,
    )


def labels_and_probabilities(
    config: Config, model: nn.Module, spec: DatasetSpec
) -> Callable[[Any, Any], tuple[jax.Array, jax.Array]]:
    """Returns a function that predicts the labels and class probabilities of a batch.

    The function takes the variables and a batch. It returns the labels, integers
    [B, H, W], and the probabilities, float32 [B, H, W, K]. The labels are row indices
    of the confusion matrix. If classes can overlap, the labels are [B, H, W, K].

    Raises:
      ValueError: If the network was trained on several datasets, each of which has its
        own classes.
    """
    if spec.union is not None:
        no_probabilities(config, model, spec)
    network = ImageNetwork(model, spec, scale=config.data.eval_scale)

    def predict(variables, batch):
        found = network.labels_and_probabilities(variables, batch["image"])
        label, probabilities = found
        return (states(label) if spec.multilabel else label), probabilities

    return predict


def batch_shapes(
    config: Config, batch: int, spec: DatasetSpec
) -> dict[str, jax.ShapeDtypeStruct]:
    """Returns the shapes and types of a training batch over all processes.

    The result is a dictionary from the name of each array, such as "image", to a
    `jax.ShapeDtypeStruct`.

    Args:
      config: The configuration.
      batch: The number of images in the batch over all processes.
      spec: The channels and the types of images and labels.
    """
    shape = jax.ShapeDtypeStruct
    datasets = {"dataset": shape((batch,), jnp.int32)} if spec.members else {}
    return datasets | {
        "image": shape((batch, *config.data.crop, spec.channels), spec.image_dtype),
        "label": shape((batch, *config.data.crop), spec.label_dtype),
        "seed": shape((batch,), jnp.uint32),
        "index": shape((batch,), jnp.int32),
    }


def picture_writer(
    config: Config, workdir: Path, model: nn.Module, source: mixed.Images
) -> Callable[[int, Any], None] | None:
    """Returns a function that draws the predictions for validation images in training.

    The function takes the number of the training step and the variables. Instead of the
    function, None is returned if `train.num_overlays` is 0, and on all processes other
    than the first.
    """
    if source.spec.members:
        return mixed.picture_writer(config, workdir, model, source)
    network = ImageNetwork(model, source.spec, scale=config.data.eval_scale)
    return overlays.writer(workdir, network, source, count=config.train.num_overlays)


TRAINING = TrainingFunctions(
    build=build,
    make_eval_step=make_eval_step,
    labels_and_probabilities=labels_and_probabilities,
    batch_shapes=batch_shapes,
    overlays=picture_writer,
    open_source=mixed.open_images,
    train_batches=mixed.train_stream,
    eval_batches=mixed.eval_stream,
)
