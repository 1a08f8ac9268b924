"""Defines the configuration of one training run."""

from __future__ import annotations

import dataclasses

from jaxseg.config.data import DataConfig
from jaxseg.config.lab import LabConfig
from jaxseg.config.loss import LossConfig
from jaxseg.config.model import ModelConfig
from jaxseg.config.optim import OptimConfig
from jaxseg.config.train import TrainConfig


@dataclasses.dataclass(frozen=True)
class Config:
    """Contains the configuration of one training run.

    Attributes:
      model: The network.
      data: The dataset and its augmentation.
      optim: The optimizer, the learning rate schedule and the weight decay.
      loss: The training objective.
      train: The length, the batch size, the devices and the outputs of the run.
      lab: The measurements of the receptive field during training.
    """

    model: ModelConfig = ModelConfig()
    data: DataConfig = DataConfig()
    optim: OptimConfig = OptimConfig()
    loss: LossConfig = LossConfig()
    train: TrainConfig = TrainConfig()
    lab: LabConfig = LabConfig()
