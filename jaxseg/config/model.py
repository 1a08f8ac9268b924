"""Defines the options that select the network."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    """Selects the network.

    Attributes:
      name: The name of a network, such as deeplabv3_resnet50; `jaxseg models` lists all
        names. If `backbone` is set, it is the name of a family of networks, such as
        deeplabv3plus; `jaxseg models --families` lists these names.
      options: The keyword arguments of the network, such as {"output_stride": 8}.
      backbone: The backbone with which the family is built; `jaxseg models --backbones`
        lists all names. By default the backbone follows from the name of the network.
      output: With "softmax", the network has one logit for each class, and each pixel
        has exactly one class. With "sigmoid", it has one logit for an object on a
        background, or one logit for each class of a multi-label dataset, whose classes
        can overlap.
    """

    name: str = "unet"
    options: dict[str, Any] = dataclasses.field(default_factory=dict)
    backbone: str | None = None
    output: Literal["softmax", "sigmoid"] = "softmax"

    @property
    def title(self) -> str:
        """Returns the name of the network, with the backbone if one is chosen."""
        return self.name if self.backbone is None else f"{self.name} on {self.backbone}"
