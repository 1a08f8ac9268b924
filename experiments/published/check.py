"""Checks that the network of an entry takes every tensor of its published file.

The file itself is not downloaded. The library builds its network, which gives the true
names and shapes of the tensors.
"""

import functools
import json
from typing import Any

from experiments.published.rows import Published
from jaxseg.backbones.catalog import BACKBONES
from jaxseg.models import create_model
from jaxseg.runs.recognition import recognize
from jaxseg.runs.wanted import Wanted
from jaxseg.weights.catalog.detection import detect, part_of
from jaxseg.weights.loading import for_backbone
from jaxseg.weights.model_variables import variable_shapes
from jaxseg.weights.published.entry import Entry
from jaxseg.weights.translate.convert import convert, flatten
from jaxseg.weights.translate.state_dict import unwrap


def recognized(row: Published, tree: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Returns the network and the options that `jaxseg convert` finds for a file.

    Raises:
      ValueError: If jaxseg has no such network, or imports only its backbone.
    """
    found = recognize(tree, row.entry.file, row.entry.url, Wanted())
    return found.config.model.name, dict(found.config.model.options)


def check(entry: Entry, tree: dict[str, Any]) -> int:
    """Imports a file with the network of an entry.

    Args:
      entry: The entry.
      tree: The content of the file.

    Returns:
      The number of variables of the network that the file contains.

    Raises:
      ValueError: If a tensor has no place in the network or another shape, or if a
        variable is missing.
    """
    state = unwrap(tree, entry.file, recognize=part_of).state
    options, source = json.dumps(entry.options), detect(state, entry.file)
    if entry.backbone:
        shapes = _backbone_shapes(entry.backbone, options)
        rules = for_backbone(source.rules)
    else:
        shapes = _network_shapes(entry.network, options, entry.num_classes)
        rules = source.rules
    missing = ("aux*", *source.absent)
    return len(flatten(convert(state, rules, shapes, allow_missing=missing)))


@functools.cache
def _network_shapes(network: str, options: str, num_classes: int) -> Any:
    return variable_shapes(create_model(network, num_classes, **_read(options)))


@functools.cache
def _backbone_shapes(backbone: str, options: str) -> Any:
    return variable_shapes(BACKBONES[backbone].create(**_read(options)))


def _read(options: str) -> dict[str, Any]:
    return {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in json.loads(options).items()
    }
