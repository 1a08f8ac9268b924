"""Defines the options of the training objective."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal


@dataclasses.dataclass(frozen=True)
class LossConfig:
    """Selects the training objective.

    Attributes:
      name: The name of the main loss function, such as cross_entropy.
      additional: The losses that are added to the main loss, as pairs of the name of a
        loss and its coefficient.
      options: The options of each loss by the name of the loss, such as
        {"ohem_cross_entropy": {"min_kept": 5000}}.
      class_weights: The weights of the classes in the loss. "none" gives all
        classes equal weights. "median_frequency" gives rare classes larger weights.
        "sqrt_median_frequency" takes the square roots of these weights.
      aux_weight: The coefficient of the cross entropy of the auxiliary outputs, for
        networks that have them.
      edge_weight: The coefficient of the edge loss, for networks with an edge output.
      edge_radius: The width of edges for the edge loss: a pixel is an edge pixel if a
        pixel of another class is at most this many rows and columns away.
      presence_weight: The coefficient of the loss of the logits that say which classes
        occur in an image. GINet and networks with the option `presence` have them.
      kl_weight: The coefficient (beta) of the Kullback-Leibler divergence between the
        posterior and the prior, for the Probabilistic U-Net.
    """

    name: str = "cross_entropy"
    additional: tuple[tuple[str, float], ...] = ()
    options: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    class_weights: Literal["none", "median_frequency", "sqrt_median_frequency"] = "none"
    aux_weight: float = 0.4
    edge_weight: float = 20.0
    edge_radius: int = 1
    presence_weight: float = 0.2
    kl_weight: float = 10.0
