"""From a configuration to the parts of a run: network, steps, devices, streams."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path

import jax
from flax import linen as nn

from jaxseg import losses
from jaxseg.config import Config, TrainConfig
from jaxseg.data import DatasetSpec, Source, class_frequencies
from jaxseg.data import eval_batches as read_eval
from jaxseg.data import train_batches as read_train
from jaxseg.runs import memory
from jaxseg.runs.directory import CHANNELS, build_model
from jaxseg.tasks import overlays
from jaxseg.training.devices import selection
from jaxseg.training.devices.backends import AXIS
from jaxseg.training.devices.runner import StepRunner
from jaxseg.training.optim import optimizers as optim
from jaxseg.training.run.task import Task
from jaxseg.training.step import augment, steps
from jaxseg.training.step.state import TrainState, create_state


def assemble(
    config: Config,
    source: Source,
    chosen: list[jax.Device],
    *,
    inputs: Sequence[str] = ("image",),
) -> tuple[StepRunner, TrainState, nn.Module]:
    """Runner, new state and network of a run; `inputs` as `training.steps` has them."""
    weighted = config.loss.class_weights != "none"
    pixels = class_frequencies(source).pixels if weighted else None
    runner, new_state, model = unstarted(
        config, source.spec, chosen, class_pixels=pixels, inputs=inputs
    )
    return runner, new_state(), model


def unstarted(
    config: Config,
    spec: DatasetSpec,
    chosen: Sequence[jax.Device],
    *,
    class_pixels: Sequence[float] | None = None,
    inputs: Sequence[str] = ("image",),
) -> tuple[StepRunner, Callable[[], TrainState], nn.Module]:
    """Runner, what makes the new state, and network; no array is made yet.

    Args:
      class_pixels: labeled pixels per class, for weights by frequency.
      inputs: what the network takes of the batch in training.
    """
    run = config.train
    check_micro_batches(run, chosen)
    axis = AXIS if run.parallel_backend == "pmap" else None
    model = build_model(config, spec.num_classes, axis_name=axis)
    plain_model = build_model(config, spec.num_classes)  # outside pmap
    tx, schedule = optim.build(config.optim, run.steps, batch_size=run.batch_size)
    loss_fn = losses.build_objective(
        config.loss, class_pixels=class_pixels, void=spec.void, axis_name=axis
    )
    train_step = functools.partial(
        steps.train_step,
        model=model,
        tx=tx,
        loss_fn=loss_fn,
        inputs=inputs,
        prepare=functools.partial(
            augment.prepare_train,
            mean=spec.mean,
            std=spec.std,
            flip=config.data.flip,
            color_jitter=config.data.color_jitter,
        ),
        schedule=schedule,
        ema=run.ema,
        grad_accum_steps=run.grad_accum_steps,
        remat=run.remat,
        void=spec.void,
    )
    runner = StepRunner(
        train_step,
        counting(config, plain_model, spec),
        kind=run.parallel_backend,
        devices=chosen,
        space=run.spatial_shards,
        shard=run.shard,
    )
    new_state = functools.partial(
        create_state,
        plain_model,
        tx,
        seed=run.seed,
        image_shape=(1, *config.data.crop, CHANNELS),
        ema=run.ema is not None,
        check=memory.state_check(chosen),
    )
    return runner, new_state, plain_model


def check_micro_batches(run: TrainConfig, chosen: Sequence[jax.Device]) -> None:
    """Raises ValueError unless each device has its part of every micro-batch."""
    if run.grad_accum_steps < 1 or run.batch_size % run.grad_accum_steps:
        raise ValueError(
            f"train.grad_accum_steps={run.grad_accum_steps} is invalid: expected a "
            f"divisor of train.batch_size={run.batch_size}."
        )
    size = run.batch_size // run.grad_accum_steps
    name = "train.batch_size / train.grad_accum_steps"
    selection.check_batch(name, size, chosen, space=run.spatial_shards)


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
            count=config.train.num_overlays,
            eval_scale=config.data.eval_scale,
        ),
    )
