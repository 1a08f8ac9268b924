"""Builds the network, the optimizer and the training and evaluation steps of a run."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxseg.config import Config, TrainConfig
from jaxseg.data import DatasetSpec
from jaxseg.ops.output_form import form_of
from jaxseg.runs import memory
from jaxseg.runs.directory import build_model
from jaxseg.runs.outputs import num_logits
from jaxseg.training.devices import selection
from jaxseg.training.devices.backends import AXIS
from jaxseg.training.devices.runner import StepRunner
from jaxseg.training.optim import optimizers as optim
from jaxseg.training.step import augment
from jaxseg.training.step.options import StepOptions
from jaxseg.training.step.state import TrainState, create_state


class Training(NamedTuple):
    """Contains the functions of a training run before any array is allocated.

    Attributes:
      runner: The object that runs training and evaluation steps on the devices.
      new_state: A function that creates the initial training state.
      model: The network.
    """

    runner: StepRunner
    new_state: Callable[[], TrainState]
    model: nn.Module


@dataclasses.dataclass(frozen=True)
class Parts:
    """Contains the functions and options by which a task defines its training.

    Attributes:
      step: The training step, such as `jaxseg.training.step.steps.train_step`.
      loss_fn: The loss function that the training step takes as an argument.
      prepare: A function that augments and normalizes a batch on the device.
      make_eval_step: Maps a configuration, a network and a dataset specification to the
        evaluation step, which computes a confusion matrix.
      inputs: Maps the network to the shapes of the inputs with which it is initialized.
      entries: The names of the arrays in a batch that are the arguments of the network,
        in order.
      optimizer: The optimizer and its learning rate schedule; by default those of the
        configuration.
    """

    step: Callable
    loss_fn: Any
    prepare: Callable
    make_eval_step: Callable[[Config, nn.Module, DatasetSpec], Callable]
    inputs: Callable[[nn.Module], Sequence[jax.ShapeDtypeStruct]]
    entries: Sequence[str] = ("image",)
    optimizer: tuple[Any, Callable] | None = None


def build_training(
    config: Config, spec: DatasetSpec, devices: Sequence[jax.Device], parts: Parts
) -> Training:
    """Builds the network, the optimizer and the steps of a training run.

    The steps are the training step and the evaluation step. The result is a `Training`,
    in which no array has been allocated yet.

    Raises:
      ValueError: If a micro-batch does not split evenly over the devices, or if options
        contradict each other.
    """
    run = config.train
    check_micro_batches(run, devices)
    logits = num_logits(config, spec)
    model = build_model(config, logits)  # without the axis of pmap
    default = functools.partial(optim.build, config.optim, run.steps)
    tx, schedule = parts.optimizer or default(batch_size=run.batch_size)
    if run.adapter_rank is not None:
        tx = optim.only_trained(tx)
    options = StepOptions(
        inputs=parts.entries,
        prepare=parts.prepare,
        schedule=schedule,
        ema=run.ema,
        grad_accum_steps=run.grad_accum_steps,
        remat=run.remat,
        void=spec.void,
        merged=spec.union.merged if spec.union else (),
        form=form_of(logits, spec),
    )
    train_step = functools.partial(
        parts.step,
        model=build_model(config, logits, axis_name=axis_of(config)),
        tx=tx,
        loss_fn=parts.loss_fn,
        options=options,
    )
    runner = StepRunner(
        train_step,
        parts.make_eval_step(config, model, spec),
        kind=run.parallel_backend,
        devices=devices,
        space=run.spatial_shards,
        shard=run.shard,
    )
    first, *more = parts.inputs(model)
    new_state = functools.partial(
        create_state,
        model,
        tx,
        seed=run.seed,
        image_shape=first.shape,
        more_inputs=more,
        ema=run.ema is not None,
        adapter_rank=run.adapter_rank,
        check=memory.state_check(devices),
    )
    return Training(runner, new_state, model)


def image_augmentation(config: Config, spec: DatasetSpec) -> Callable:
    """Returns a function that augments and normalizes image batches on the device."""
    return functools.partial(
        augment.prepare_train,
        mean=spec.mean,
        std=spec.std,
        value_range=spec.value_range,
        flip=config.data.flip,
        color_jitter=config.data.color_jitter,
    )


def image_inputs(
    config: Config, channels: int
) -> Callable[[nn.Module], Sequence[jax.ShapeDtypeStruct]]:
    """Returns a function that maps a network to the shape of its input images.

    Args:
      config: The configuration, which contains the size of the crops.
      channels: The number of channels of the images.
    """
    shape = (1, *config.data.crop, channels)
    return lambda model: (jax.ShapeDtypeStruct(shape, jnp.float32),)


def axis_of(config: Config) -> str | None:
    """Returns the name that `jax.pmap` gives the axis of devices.

    It is None if the parallel backend of the configuration is jit.
    """
    return AXIS if config.train.parallel_backend == "pmap" else None


def check_micro_batches(run: TrainConfig, devices: Sequence[jax.Device]) -> None:
    """Raises ValueError unless every micro-batch splits evenly over the devices."""
    if run.grad_accum_steps < 1 or run.batch_size % run.grad_accum_steps:
        raise ValueError(
            f"train.grad_accum_steps={run.grad_accum_steps} is invalid: expected a "
            f"divisor of train.batch_size={run.batch_size}."
        )
    size = run.batch_size // run.grad_accum_steps
    name = "train.batch_size / train.grad_accum_steps"
    selection.check_batch(name, size, devices, space=run.spatial_shards)
