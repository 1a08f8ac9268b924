"""Collects the parameter count, the FLOPs and the paper of every architecture.

The file `model_table.json` stores them for the default image size, so that the commands
that list architectures do not have to build any network. The first command below
computes the rows of the named architectures and keeps the other rows. The second
command computes all rows:

    python -m jaxseg.lab.model_table NAME ...
    python -m jaxseg.lab.model_table
"""

from __future__ import annotations

import dataclasses
import functools
import re
import sys
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxseg.analysis.jaxpr.cost import Cost, count_cost_and_weights, count_parameters
from jaxseg.lab.model_row import CLASSES, LOOP, SIZE, TABLE, Row, stored_rows
from jaxseg.models import MODELS
from jaxseg.nn.block_config import BlockConfig
from jaxseg.storage.json_file import write_json
from jaxseg.text import near

CHANNELS = (3, 4, 1)  # Color; color and sparse depth; gray.


def describe(
    name: str,
    factory: Callable[..., nn.Module],
    *,
    size: tuple[int, int] = SIZE,
    classes: int = CLASSES,
) -> Row:
    """Computes the properties of an architecture that the table stores.

    The network is traced with abstract arrays, so that no weights are needed. It is
    built with `BlockConfig(impl="lax")`, so that every convolution is one `lax`
    convolution. Some of the faster implementations use elementwise products, which are
    not counted.

    Args:
      name: The name of the architecture.
      factory: Maps the number of classes and a `BlockConfig` to the network.
      size: Height and width of the image.
      classes: Number of classes.
    """
    model = factory(classes, style=BlockConfig(impl="lax"))
    paper = paper_id(factory)
    try:
        cost, variables = network_cost(model, size)
    except ValueError as error:  # The network does not take this size.
        note = str(error).splitlines()[0]
        _, variables = network_cost(model, SIZE)
        return Row(name, *_split(variables["params"]), None, paper, note)
    note = LOOP if cost.while_loops else ""
    if inputs := _cloud(model):
        note = f"for one cloud of {inputs[0].shape[1]:,} points"
    return Row(name, *_split(variables["params"]), cost.flops / 1e9, paper, note)


def network_cost(model: nn.Module, size: tuple[int, int]) -> tuple[Cost, dict]:
    """Counts the arithmetic operations that compute the logits of one image.

    The number of image channels is the first one in `CHANNELS` that the network
    accepts. A network for point clouds gets the inputs of its method `example_inputs`.

    Args:
      model: The network.
      size: Height and width of the image.

    Returns:
      A `Cost`, whose `flops` is the number of operations, and a dictionary with the
      shapes of the variables of the network.
    """

    def logits(key, *inputs):
        outputs, variables = model.init_with_output(key, *inputs, train=False)
        return outputs["logits"], variables

    key, errors = jax.eval_shape(lambda: jax.random.key(0)), []
    if inputs := _cloud(model):
        return count_cost_and_weights(logits, key, *inputs)
    for channels in CHANNELS:
        image = jax.ShapeDtypeStruct((1, *size, channels), jnp.float32)
        try:
            return count_cost_and_weights(logits, key, image)
        except ValueError as error:
            errors.append(error)
    raise errors[0]


def paper_id(factory: Callable) -> str | None:
    """Returns the first arXiv id in the docstring of a function or `functools.partial`.

    >>> paper_id(describe) is None
    True
    """
    while isinstance(factory, functools.partial):
        factory = factory.func
    found = re.search(r"arXiv[ :]*(\d{4}\.\d{4,5})", factory.__doc__ or "")
    return found[1] if found else None


def _cloud(model):
    """Returns the input shapes of a network for point clouds, and None for images."""
    inputs = model.example_inputs() if hasattr(model, "example_inputs") else ()
    return inputs if inputs and len(inputs[0].shape) == 3 else None


def _split(params: dict) -> tuple[int, int]:
    auxiliary = {k: v for k, v in params.items() if k.startswith("aux")}
    extra = count_parameters(auxiliary)
    return count_parameters(params) - extra, extra


def main(names: Sequence[str]) -> None:
    """Writes rows of `model_table.json` and removes those of unknown architectures.

    Args:
      names: The architectures whose rows are computed, or an empty sequence for all.
        Other rows keep their stored content.

    Raises:
      ValueError: If a name is not in `MODELS`.
    """
    for name in names:
        if name not in MODELS:
            raise ValueError(f"model={name!r} is invalid{near(name, MODELS)}")
    rows = {row.name: row for row in stored_rows().values() if row.name in MODELS}
    for name in names or MODELS:
        rows[name] = describe(name, MODELS[name])
    write_json(TABLE, [dataclasses.asdict(rows[name]) for name in sorted(rows)])


if __name__ == "__main__":
    main(sys.argv[1:])
