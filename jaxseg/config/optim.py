"""Defines the options of the optimizer and of the learning rate schedule."""

from __future__ import annotations

import dataclasses
from typing import Literal


@dataclasses.dataclass(frozen=True)
class OptimConfig:
    """Selects the optimizer, the learning rate schedule and the weight decay.

    Attributes:
      name: The name of the optimizer, such as sgd or adamw.
      learning_rate: The learning rate at the start of the schedule, after the warmup.
      base_batch_size: The batch size for which learning_rate was chosen. The learning
        rate is scaled by the ratio of the batch size of the run to this batch size.
        None turns the scaling off.
      batch_scaling: How the learning rate is scaled with the batch size. "linear"
        multiplies it by the ratio of the batch sizes, and "sqrt" by the square root of
        this ratio.
      momentum: The momentum of sgd, rmsprop and lars.
      beta1: The decay rate of the running mean of gradients in adamw and lamb.
      nesterov: Whether sgd, rmsprop and lars use Nesterov momentum.
      trust_coefficient: The factor by which lars (arXiv 1708.03888) multiplies the
        ratio of weight norm to gradient norm.
      rms_decay: The decay rate of the running mean of squared gradients in rmsprop and
        adadelta.
      weight_decay: The coefficient of weight decay. adamw and lamb decay the weights
        directly; the other optimizers add the decay to the gradient.
      decay_mask: The parameters to which weight decay applies. "kernels" selects
        the kernels of layers, without biases and normalization. "all" selects all
        parameters.
      schedule: The name of the function, such as poly or cosine, by which the learning
        rate changes from step to step.
      poly_power: The exponent of the poly schedule.
      final_learning_rate: The learning rate at the last step of the poly and cosine
        schedules.
      milestones: The fractions of the run, from 0 to 1, at which the step schedule
        multiplies the learning rate by decay_factor.
      decay_factor: The factor by which the step and exponential schedules multiply the
        learning rate.
      decay_every: The number of steps after which the exponential schedule multiplies
        the learning rate by decay_factor.
      warmup_steps: The number of steps at the start during which the learning rate
        rises linearly.
      clip_norm: The largest global norm of the gradient; larger gradients are scaled
        down to it. None turns clipping off.
      lr_multipliers: Pairs of a regular expression and a factor. The learning rate of a
        parameter is multiplied by the factor of the first expression that matches its
        path, such as backbone/conv1/kernel.
      freeze: Regular expressions for parameter paths. Parameters whose path matches one
        of them are not trained.
      layer_decay: The learning rate of each block of the backbone is that of the next
        block times this factor. None trains all blocks with one learning rate.
    """

    name: Literal["sgd", "adamw", "rmsprop", "adadelta", "lamb", "lars"] = "adamw"
    learning_rate: float = 1e-3
    base_batch_size: int | None = None
    batch_scaling: Literal["linear", "sqrt"] = "linear"
    momentum: float = 0.9
    beta1: float = 0.9
    nesterov: bool = False
    trust_coefficient: float = 0.001
    rms_decay: float = 0.9
    weight_decay: float = 1e-4
    decay_mask: Literal["kernels", "all"] = "kernels"
    schedule: Literal["poly", "cosine", "step", "exponential", "constant"] = "poly"
    poly_power: float = 0.9
    final_learning_rate: float = 0.0
    milestones: tuple[float, ...] = (0.6, 0.85)
    decay_factor: float = 0.1
    decay_every: int = 0
    warmup_steps: int = 0
    clip_norm: float | None = None
    lr_multipliers: tuple[tuple[str, float], ...] = ()
    freeze: tuple[str, ...] = ()
    layer_decay: float | None = None
