"""Builds a training step that can be compiled, and the shapes of its arguments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax

from jaxseg.config import Config
from jaxseg.plan.image_pixels import planned_spec
from jaxseg.tasks.functions import training_of
from jaxseg.tasks.table import task_of
from jaxseg.training.devices.runner import StepRunner


def abstract_step(
    config: Config, devices: Sequence[jax.Device], batch: int
) -> tuple[StepRunner, Any, Any]:
    """Builds the training step of a configuration, and the shapes of its arguments.

    No array is allocated, and no file of the dataset is opened, except the first image
    if the folder of the dataset exists.

    Args:
      config: The configuration.
      devices: The devices, which need not exist on this computer.
      batch: The number of images per step on all devices.

    Returns:
      A tuple: the `StepRunner`, which can trace and compile the step; the shapes of the
      training state; and the shapes of the global batch. The method `trace` of the
      runner takes the last two.

    Raises:
      ValueError: If options contradict each other, or if the batch cannot be divided
        evenly among the devices.
    """
    kind, task = task_of(config).kind, training_of(config)
    spec = task.spec(planned_spec(config.data, kind))
    pixels = (1,) * spec.num_classes
    runner, new_state, _ = task.build(config, spec, devices, class_pixels=pixels)
    return runner, jax.eval_shape(new_state), task.batch_shapes(config, batch, spec)
