"""Collects the parameter counts, strides and channels of all backbones.

The file `backbone_table.json` stores them, so that the commands that list backbones do
not have to build any network. The first command below computes the rows of the named
backbones and keeps the other rows. The second command computes all rows:

    python -m jaxseg.lab.backbone_table NAME ...
    python -m jaxseg.lab.backbone_table
"""

from __future__ import annotations

import dataclasses
import functools
import sys
from collections.abc import Sequence

import jax
import jax.numpy as jnp

from jaxseg.analysis.jaxpr.cost import count_parameters
from jaxseg.backbones.backbone import Backbone
from jaxseg.backbones.catalog import BACKBONES
from jaxseg.lab.backbone_row import TABLE, BackboneRow, stored_backbones
from jaxseg.storage.json_file import write_json
from jaxseg.text import near

SIZE = (128, 128)  # Neither parameters nor channels depend on it.


def describe_backbone(name: str, backbone: Backbone) -> BackboneRow:
    """Computes the properties of a backbone that the table stores.

    The backbone is traced with abstract arrays, so that no weights are needed.

    Args:
      name: The name of the backbone.
      backbone: Its entry in `jaxseg.backbones.catalog.BACKBONES`.
    """
    init = functools.partial(backbone.create().init_with_output, train=False)
    key = jax.eval_shape(lambda: jax.random.key(0))
    image = jax.ShapeDtypeStruct((1, *SIZE, backbone.in_channels), jnp.float32)
    pyramid, variables = jax.eval_shape(init, key, image)
    levels = tuple(
        (level, stride, pyramid[level].shape[-1])
        for level, stride in backbone.strides().items()
    )
    parameters = count_parameters(variables["params"])
    return BackboneRow(
        name,
        parameters=parameters,
        levels=levels,
        output_strides=backbone.output_strides,
        weights=backbone.weights,
    )


def main(names: Sequence[str]) -> None:
    """Writes rows of `backbone_table.json` and removes those of unknown backbones.

    Args:
      names: The backbones whose rows are computed, or an empty sequence for all. Other
        rows keep their stored content.

    Raises:
      ValueError: If a name is not in the catalog.
    """
    for name in names:
        if name not in BACKBONES:
            raise ValueError(f"backbone={name!r} is invalid{near(name, BACKBONES)}")
    rows = {name: row for name, row in stored_backbones().items() if name in BACKBONES}
    for name in names or BACKBONES:
        rows[name] = describe_backbone(name, BACKBONES[name])
    write_json(TABLE, [dataclasses.asdict(rows[name]) for name in sorted(rows)])


if __name__ == "__main__":
    main(sys.argv[1:])
