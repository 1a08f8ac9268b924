"""Defines the settings that a user can choose when weights are imported."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from jaxseg.config import ModelConfig

INNER = "backbone_options"


@dataclasses.dataclass(frozen=True)
class Wanted:
    """Contains the settings that a user has chosen for an import of weights.

    All other settings follow from the checkpoint.

    Attributes:
      model: The name of a network or, with `backbone`, of a family of networks such as
        "deeplabv3plus", whose backbone can be chosen.
      options: The options of the network, as a tree `{"model": {"options": {...}}}`.
      num_classes: The number of classes.
      part: The part of the network to load, such as "backbone".
      channels: The number of image channels.
      entry: The key in the file under which the weights are stored, or the prefix of
        all their keys.
      backbone: The name of the backbone of the family.
    """

    model: str = ""
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    num_classes: int | None = None
    part: str | None = None
    channels: int | None = None
    entry: str = ""
    backbone: str = ""

    @property
    def given(self) -> tuple[str, ...]:
        """Returns the names of the network options that the user gave.

        The options of a backbone are named like "backbone_options.width".
        """
        options = self.options.get("model", {}).get("options", {})
        inner = options.get(INNER, {})
        return (*options, *(f"{INNER}.{name}" for name in inner))

    def network(self, options: Mapping[str, Any]) -> ModelConfig:
        """Returns the configuration of the network that the user named, with `options`.

        Args:
          options: Options of the network or, with `backbone`, of the backbone.
        """
        if not self.backbone:
            return ModelConfig(self.model, dict(options))
        inner = {INNER: dict(options)} if options else {}
        return ModelConfig(self.model, inner, backbone=self.backbone)
