"""Defines the configuration of a training run as frozen dataclasses.

A file `experiments/<name>/config.py` defines `config = Config(...)`. Options of the
command line override single fields, as in `--optim.learning-rate 0.02`, and the help of
the command shows the descriptions of the fields. This package imports no other part of
jaxseg.
"""

from jaxseg.config.augmentation import augment
from jaxseg.config.data import DataConfig, MemberConfig
from jaxseg.config.lab import LabConfig
from jaxseg.config.loss import LossConfig
from jaxseg.config.model import ModelConfig
from jaxseg.config.optim import OptimConfig
from jaxseg.config.run import Config
from jaxseg.config.train import TrainConfig

__all__ = [
    "Config",
    "DataConfig",
    "LabConfig",
    "LossConfig",
    "MemberConfig",
    "ModelConfig",
    "OptimConfig",
    "TrainConfig",
    "augment",
]
