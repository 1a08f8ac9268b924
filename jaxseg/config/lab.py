"""Defines the options of the measurements of the receptive field during training."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class LabConfig:
    """Sets how often the effective receptive field is measured during training.

    Attributes:
      every: The number of steps between two measurements of the effective receptive
        field and of grid artifacts in the logits. The first one is before the first
        step. 0 turns these measurements off.
      images: The number of random images, of the size of the training crops, over which
        the effective receptive field is averaged.
    """

    every: int = 0
    images: int = 1
