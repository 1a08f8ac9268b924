"""Builds the training of pix2pix (arXiv 1611.07004).

The generator translates photos to label maps, or label maps to photos; a discriminator
judges its results. The pixel values of photos are scaled to the range -1 to 1, so the
dataset specification in the run directory has the mean 0.5 and the standard deviation
0.5. If `loss.name` is neither "adversarial" nor "l1", the generator is trained without
a discriminator, as a segmentation network.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from jaxseg import data
from jaxseg.config import Config, DataConfig, OptimConfig
from jaxseg.data import DatasetSpec, Source
from jaxseg.losses.adversarial import build_adversarial, is_adversarial
from jaxseg.metrics.photo import picture_errors, psnr
from jaxseg.models.pix2pix import PHOTO_CHANNELS
from jaxseg.tasks import segmentation
from jaxseg.tasks.overlays import FOLDER, file_name
from jaxseg.tasks.pix2pix_batch import TO_LABELS, TO_PHOTO, label_picture, paired
from jaxseg.tasks.training import (
    Parts,
    Training,
    build_training,
    image_augmentation,
    image_inputs,
)
from jaxseg.training.devices.placement import on_one_device
from jaxseg.training.optim import optimizers as optim
from jaxseg.training.step import adversarial
from jaxseg.viz import colorize, save_image

HALF = 0.5  # As mean and deviation, it maps [0, 1] to [-1, 1], the range of tanh.


def open_source(
    config: DataConfig, split: str, *, trained: DatasetSpec | None = None
) -> Source:
    """Opens the examples of a split and normalizes photos to the range -1 to 1."""
    source = data.open_source(config, split, trained=trained)
    source.spec = centered(source.spec)
    return source


def centered(spec: DatasetSpec) -> DatasetSpec:
    """Returns a dataset specification that normalizes photos to the range -1 to 1."""
    half = (HALF,) * spec.channels
    return dataclasses.replace(spec, mean=half, std=half)


def build(
    config: Config,
    spec: DatasetSpec,
    devices: Sequence[jax.Device],
    *,
    class_pixels: Sequence[float] | None = None,
) -> Training:
    """Builds the networks, the optimizers and the steps of a pix2pix training run.

    The result is a `Training`. There is no discriminator if the losses are those of a
    segmentation network. No array is allocated.

    Args:
      config: The configuration.
      spec: The classes and the normalization of the data.
      devices: The devices of all processes.
      class_pixels: The number of labeled pixels of each class, [K]. It is needed if
        the loss weights the classes by their frequency.
    """
    direction = direction_of(config)
    if spec.channels != PHOTO_CHANNELS:
        raise ValueError(
            f"model.name={config.model.name!r} is invalid for images of "
            f"{spec.channels} channels: expected images of {PHOTO_CHANNELS} channels. "
            "Choose another network or convert the images."
        )
    if not is_adversarial(config.loss):
        if direction != TO_LABELS:
            raise ValueError(
                f"loss.name={config.loss.name!r} is invalid: expected 'adversarial' or "
                f"'l1'. Other losses need model.options.direction={TO_LABELS!r}."
            )
        return segmentation.build(config, spec, devices, class_pixels=class_pixels)
    run = config.train
    adversarial.check_options(run.grad_accum_steps, run.remat)
    prepare = functools.partial(
        paired,
        prepare=image_augmentation(config, spec),
        direction=direction,
        num_classes=spec.num_classes,
        void=spec.void,
    )
    channels = spec.channels if direction == TO_LABELS else spec.num_classes
    parts = Parts(
        step=adversarial.train_step,
        loss_fn=build_adversarial(config.loss),
        prepare=prepare,
        make_eval_step=make_eval_step,
        inputs=image_inputs(config, channels),
        optimizer=optimizers(config.optim, run.steps),
    )
    return build_training(config, spec=spec, devices=devices, parts=parts)


def optimizers(config: OptimConfig, steps: int) -> tuple[adversarial.Players, Callable]:
    """Returns the optimizers of generator and discriminator, and their schedule.

    The optimizers are the two fields of a `Players`. The schedule is a function from
    the number of the training step to the learning rate. Each regular expression in
    `lr_multipliers` and `freeze` must start with the name of one of the networks, as in
    "discriminator/.*".

    Raises:
      ValueError: If an expression does not start with the name of a network.
    """
    names = adversarial.Players._fields
    for pattern in (*config.freeze, *(pattern for pattern, _ in config.lr_multipliers)):
        if not pattern.startswith(names):
            raise ValueError(
                f"optim pattern={pattern!r} is invalid: expected a pattern that starts "
                f"with one of {names}, because each network has its own optimizer."
            )
    built = {}
    for name in names:
        own = dataclasses.replace(
            config,
            lr_multipliers=tuple(
                g for g in config.lr_multipliers if g[0].startswith(name)
            ),
            freeze=tuple(p for p in config.freeze if p.startswith(name)),
        )
        built[name], schedule = optim.build(own, steps)
    return adversarial.Players(**built), schedule


def direction_of(config: Config) -> str:
    """Returns what the generator translates: "photo_to_labels" or "labels_to_photo"."""
    return config.model.options.get("direction", TO_LABELS)


def make_eval_step(config: Config, model: nn.Module, spec: DatasetSpec) -> Callable:
    """Returns the evaluation step, a function that computes a confusion matrix.

    The function takes the variables and a batch. If the generator makes photos, no
    classes are predicted, and the matrix contains only zeros.
    """
    if direction_of(config) == TO_LABELS:
        return segmentation.make_eval_step(config, model, spec)
    return functools.partial(_nothing, num_classes=spec.num_classes)


def _nothing(variables, batch, *, num_classes, axis_name=None, keep=False):
    del variables, batch, axis_name
    if keep:
        raise ValueError(
            f"model.options.direction={TO_PHOTO!r} is invalid for scores of single "
            f"images: expected {TO_LABELS!r}, because a photo has no classes."
        )
    return jnp.zeros((num_classes + 1, num_classes), jnp.int32)


def picture_writer(
    config: Config, workdir: Path, model: nn.Module, source: Source
) -> Callable[[int, Any], None] | None:
    """Returns a function that draws label maps and photos for validation images.

    The function takes the number of the training step and the variables. Instead of the
    function, None is returned if `train.num_overlays` is 0, and on all processes other
    than the first.
    """
    if direction_of(config) == TO_LABELS:
        return segmentation.picture_writer(
            config, workdir=workdir, model=model, source=source
        )
    return photo_writer(workdir, model, source, count=config.train.num_overlays)


def further_scores(
    config: Config, model: nn.Module, source: Source
) -> Callable[[Any], dict[str, float]] | None:
    """Returns a function that compares generated photos with those of the dataset.

    The function takes the variables and returns a dictionary of two numbers. "l1" is
    the mean absolute error of the pixel values, which range from -1 to 1; smaller is
    better. "psnr" is the peak signal-to-noise ratio in decibels; larger is better.

    Instead of the function, None is returned if the network generates labels.
    """
    if direction_of(config) != TO_PHOTO:
        return None
    make = photo_maker(model, source.spec.num_classes)
    score = jax.jit(picture_errors)

    def scores(variables: Any) -> dict[str, float]:
        local = on_one_device(variables)
        found = []
        for index in range(len(source)):
            example = source[index]
            made = make(local, example["label"][None])
            found.append(jax.device_get(score(made, _photo(example)[None])))
        l1, mse = (np.mean([one[name] for one in found]) for name in ("l1", "mse"))
        return {"l1": float(l1), "psnr": psnr(float(mse), span=2.0)}

    return scores


def photo_maker(
    model: nn.Module, num_classes: int
) -> Callable[[Mapping[str, Any], np.ndarray], jax.Array]:
    """Returns a function that generates photos from label maps.

    The function maps variables and labels [B, H, W] to photos [B, H, W, 3] with values
    from -1 to 1.
    """

    @jax.jit
    def make(variables, label):
        return jnp.tanh(
            model.apply(variables, label_picture(label, num_classes))["logits"]
        )

    return make


def photo_writer(
    workdir: Path, model: nn.Module, source: Source, *, count: int
) -> Callable[[int, Any], None] | None:
    """Returns a function that draws label maps, generated photos and true photos.

    The function takes the number of the training step and the variables. Instead of the
    function, None is returned if `count` is 0, and on all processes other than the
    first.
    """
    if count < 1 or jax.process_index() != 0:
        return None
    chosen = np.unique(np.linspace(0, len(source) - 1, count).astype(int))
    spec = source.spec
    make = photo_maker(model, spec.num_classes)

    def write(step: int, variables: Any) -> None:
        local = on_one_device(variables)
        for index in chosen:
            example = source[int(index)]
            made = np.asarray(make(local, example["label"][None])[0])
            pictures = (
                colorize(example["label"], spec.palette, void=spec.void),
                np.rint(127.5 * (made + 1)).astype(np.uint8),
                example["image"],
            )
            path = workdir / FOLDER / f"{step:08d}" / file_name(example["id"])
            save_image(path, np.concatenate(pictures, axis=1))

    return write


def _photo(example):
    return example["image"].astype(np.float32) / 127.5 - 1


TRAINING = dataclasses.replace(
    segmentation.TRAINING,
    open_source=open_source,
    spec=centered,
    build=build,
    make_eval_step=make_eval_step,
    overlays=picture_writer,
    further_scores=further_scores,
)
