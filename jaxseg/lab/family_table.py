"""Collects the levels, the output stride and the backbones of all families.

The file `family_table.json` stores them, so that `jaxseg models` does not have to
import the networks. This command writes all rows in a few seconds. Run it after a
change to the families or the backbones:

    python -m jaxseg.lab.family_table
"""

from __future__ import annotations

import dataclasses

from jaxseg.lab.family_row import TABLE, FamilyRow
from jaxseg.models import FAMILIES
from jaxseg.models.families import backbones_for
from jaxseg.storage.json_file import write_json


def describe_family(name: str) -> FamilyRow:
    """Returns the properties of a family that the table stores.

    Args:
      name: The name of the family in `FAMILIES`.
    """
    family = FAMILIES[name]
    return FamilyRow(
        name,
        reads=family.reads,
        output_stride=family.output_stride,
        backbones=tuple(backbones_for(name)),
    )


def main() -> None:
    """Writes `family_table.json`."""
    rows = [describe_family(name) for name in sorted(FAMILIES)]
    write_json(TABLE, [dataclasses.asdict(row) for row in rows])


if __name__ == "__main__":
    main()
