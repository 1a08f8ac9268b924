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
      levels: A tuple for each feature map that the backbone returns. It contains the
        name, such as "c5", the stride and the number of channels. The strides are those
        of the backbone with its largest output stride.
      output_strides: The output strides that it supports.
      weights: The names of the libraries whose ImageNet weights jaxseg can read.
    """

    name: str
    parameters: int
    levels: tuple[tuple[str, int, int], ...]
    output_strides: tuple[int, ...]
    weights: tuple[str, ...]


def stored_backbones() -> dict[str, BackboneRow]:
    """Reads the stored properties of all backbones from `backbone_table.json`.

    The result is a dictionary from the name of each backbone to its properties.
    """
    found = {}
    for fields in json.loads(TABLE.read_text(encoding="utf-8")):
        fields = {k: tuple(v) if isinstance(v, list) else v for k, v in fields.items()}
        fields["levels"] = tuple(map(tuple, fields["levels"]))
        found[fields["name"]] = BackboneRow(**fields)
    return found
