"""Reads `family_table.json`, the stored properties of all families."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

TABLE = Path(__file__).with_name("family_table.json")


@dataclasses.dataclass(frozen=True)
class FamilyRow:
    """Contains the stored properties of one family.

    Attributes:
      name: The name in `jaxseg.models.FAMILIES`.
      reads: Pairs of the name of each feature map that the head reads, such as "c5",
        and the largest stride of this map that the head accepts.
      output_stride: The default output stride of the backbone.
      backbones: The names of the backbones with which the family can be combined.
    """

    name: str
    reads: tuple[tuple[str, int], ...]
    output_stride: int
    backbones: tuple[str, ...]


def stored_families() -> dict[str, FamilyRow]:
    """Reads the stored properties of all families from `family_table.json`.

    The result is a dictionary from the name of each family to its properties.
    """
    found = {}
    for fields in json.loads(TABLE.read_text(encoding="utf-8")):
        fields["reads"] = tuple(map(tuple, fields["reads"]))
        fields["backbones"] = tuple(fields["backbones"])
        found[fields["name"]] = FamilyRow(**fields)
    return found
