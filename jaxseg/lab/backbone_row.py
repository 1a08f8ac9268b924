"""Reads `backbone_table.json`, the stored properties of all backbones."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

TABLE = Path(__file__).with_name("backbone_table.json")


@dataclasses.dataclass(frozen=True)
class BackboneRow:
    """Contains the stored properties of one backbone.

    Attributes:
      name: The name in `jaxseg.backbones.catalog.BACKBONES`.
      parameters: Number of parameters.
      levels: The feature levels that it returns, each as (name, stride at the largest
        output stride, channels).
      output_strides: The output strides that it supports.
      weights: The libraries that provide ImageNet weights which jaxseg can read.
    """

    name: str
    parameters: int
    levels: tuple[tuple[str, int, int], ...]
    output_strides: tuple[int, ...]
    weights: tuple[str, ...]


def stored_backbones() -> dict[str, BackboneRow]:
    """Returns the properties of all backbones by name, from `backbone_table.json`."""
    found = {}
    for fields in json.loads(TABLE.read_text(encoding="utf-8")):
        fields = {k: tuple(v) if isinstance(v, list) else v for k, v in fields.items()}
        fields["levels"] = tuple(map(tuple, fields["levels"]))
        found[fields["name"]] = BackboneRow(**fields)
    return found
