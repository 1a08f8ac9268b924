"""From a configuration to the parts of a run: network, steps, devices, streams."""

from __future__ import annotations

import functools
from pathlib import Path

import jax
from flax import linen as nn

from jaxseg import losses
from jaxseg.cli import overlays
from jaxseg.cli.run import CHANNELS, build_model
from jaxseg.config import Config
from jaxseg.data import DatasetSpec, Source, class_frequencies
from jaxseg.data import eval_batches as read_eval
from jaxseg.data import train_batches as read_train
from jaxseg.training import augment, devices, optim, steps
from jaxseg.training.state import TrainState, create_state
from jaxseg.training.task import Task


def assemble(
    config: Config, source: Source, chosen: list[jax.Device]
) -> tuple[devices.Training, TrainState, nn.Module]:
    """Driver, new state and network of a run."""
    spec, run = source.spec, config.train
    axis = devices.AXIS if run.driver == "pmap" else None
    model = build_model(config, spec.num_classes, axis_name=axis)
    plain_model = build_model(config, spec.num_classes)  # outside pmap
    tx, schedule = optim.build(config.optim, run.steps)
    weighted = config.loss.class_weights != "none"
    loss_fn = losses.build(
        config.loss,
        class_pixels=class_frequencies(source).pixels if weighted else None,
        void=spec.void,
        axis_name=axis,
    )
    train_step = functools.partial(
        steps.train_step,
        model=model,
        tx=tx,
        loss_fn=loss_fn,
        prepare=functools.partial(
            augment.prepare_train,
            mean=spec.mean,
            std=spec.std,
            flip=config.data.flip,
            colour=config.data.colour,
        ),
        schedule=schedule,
        ema=run.ema,
        void=spec.void,
    )
    driver = devices.Training(
        train_step, counting(config, plain_model, spec), kind=run.driver, devices=chosen
    )
    state = create_state(
        plain_model,
        tx,
        seed=run.seed,
        image_shape=(1, *config.data.crop, CHANNELS),
        ema=run.ema is not None,
    )
    return driver, state, plain_model


def counting(config: Config, model: nn.Module, spec: DatasetSpec) -> functools.partial:
    """The evaluation step of a configuration."""
    return functools.partial(
        steps.eval_step,
        model=model,
        num_classes=spec.num_classes,
        void=spec.void,
        prepare=functools.partial(augment.prepare_eval, mean=spec.mean, std=spec.std),
        eval_scale=config.data.eval_scale,
    )


def make_task(
    config: Config,
    workdir: Path,
    model: nn.Module,
    train_source: Source,
    eval_source: Source,
) -> Task:
    """The streams and pictures of a run."""
    share = {
        "process_index": jax.process_index(),
        "process_count": jax.process_count(),
    }
    return Task(
        classes=train_source.spec.classes,
        ids=train_source.ids,
        eval_ids=eval_source.ids,
        train_batches=lambda start: read_train(
            train_source,
            config.data,
            seed=config.train.seed,
            batch_size=config.train.batch_size,
            start_step=start,
            **share,
        ),
        eval_batches=lambda: read_eval(
            eval_source, batch_size=config.train.eval_batch_size, **share
        ),
        overlays=overlays.writer(
            workdir,
            model,
            eval_source,
            count=config.train.overlay_count,
            eval_scale=config.data.eval_scale,
        ),
    )
