"""Determines how each network segments a large image tile by tile.

The answer states whether the result is exact and how many passes over the image it
needs. It follows from the traced shapes, without running the network.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxseg.analysis.regions.graph import Graph, trace
from jaxseg.analysis.regions.tiling import tiling
from jaxseg.lab.model_table import CHANNELS
from jaxseg.models import MODELS

# Heights and widths in pixels. If a halo does not fit into an image, the next size is
# tried. The even sizes are for networks that need multiples of a power of two.
SIDES = (1537, 1536, 3073, 3072, 6145, 6144)
CLASSES = 19  # As in Cityscapes.


def tiling_row(name: str) -> dict[str, Any]:
    """Returns a dictionary that states how an architecture segments an image in tiles.

    Args:
      name: A name of `jaxseg.list_models()` whose input is an image.

    Returns:
      A dictionary with these keys:

      - "name": the name of the architecture.
      - "side": the side in pixels of the square image that was traced. The other
        entries hold for this size.
      - "kind", "passes" and "halo": see `jaxseg.analysis.regions.tiling.Tiling`.
      - "operations": a list of the global operations. A global operation combines
        values from the whole height or width of the image, as global pooling does. Each
        entry is a pair: a description, and the path of the module.
    """
    model, last = MODELS[name](CLASSES), None
    for side in SIDES:
        graph = _traced(model, side)
        if graph is None:
            continue
        found = tiling(graph)
        last = {
            "name": name,
            "kind": found.kind,
            "passes": found.passes,
            "halo": found.halo,
            "side": side,
            "operations": [(op.operation, op.module) for op in found.operations],
        }
        if found.kind == "approximate" or found.halo is not None:
            break
    if last is None:
        raise ValueError(
            f"name={name!r} is invalid: expected a network that accepts square "
            f"images with a side of one of {SIDES} pixels."
        )
    return last


def _traced(model: nn.Module, side: int) -> Graph | None:
    """Traces the logits of a network, or returns None if it refuses the size."""
    key = jax.eval_shape(lambda: jax.random.key(0))
    for channels in CHANNELS:
        image = jax.ShapeDtypeStruct((1, side, side, channels), jnp.float32)
        inputs = (image,)
        if hasattr(model, "example_inputs"):
            inputs = model.example_inputs()
        init = lambda key, *given: model.init(key, *given, train=False)
        try:
            variables = jax.eval_shape(init, key, *inputs)
            leaves, tree = jax.tree.flatten(variables)

            def logits(image, *rest, tree=tree):
                given = jax.tree.unflatten(tree, rest)
                return model.apply(given, image, train=False)["logits"]

            return trace(logits, image, *leaves)
        except ValueError:
            continue
    return None
