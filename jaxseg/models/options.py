"""Divides the keyword options of a network between its backbone and its head."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from jaxseg.backbones.resnet import ResNet
from jaxseg.backbones.resnet_variant import FIELDS


def split_options(
    options: Mapping[str, Any], backbone: Any = ResNet
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns two dictionaries: the options of the backbone, and all others.

    `depth` and `output_stride` do not count as options of the backbone, because the
    factories have separate parameters for them.

    >>> split_options({"stem": "d", "width": 8, "rates": (1, 2)})
    ({'stem': 'd', 'width': 8}, {'rates': (1, 2)})

    Args:
      options: A dictionary from the names of options to their values.
      backbone: The class of the backbone. A `ResNet` also takes the fields of
        `ResNetVariant`.
    """
    names = {field.name for field in dataclasses.fields(backbone)}
    names -= {"parent", "name", "depth", "output_stride"}
    if backbone is ResNet:
        names |= set(FIELDS)
    own = {name: value for name, value in options.items() if name in names}
    rest = {name: value for name, value in options.items() if name not in names}
    return own, rest
