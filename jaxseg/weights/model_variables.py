"""Computes the shapes and the initial values of a model's variables."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from flax.traverse_util import unflatten_dict

from jaxseg.weights.translate.convert import flatten


def variable_shapes(model: nn.Module, channels: int = 3) -> dict[str, Any]:
    """Returns the shapes and types of a network's variables without their values.

    The result has the structure of the variables, nested dicts, with a
    `jax.ShapeDtypeStruct` in place of each array.

    Args:
      model: The network. If it has a method `example_inputs`, that method states the
        shapes of its inputs. Otherwise the input is an image.
      channels: The number of image channels.
    """
    try:
        hash(model)
    except TypeError:  # An attribute of the model, such as a list, cannot be hashed.
        return _trace(model, channels)
    return jax.tree.map(lambda leaf: leaf, _trace_once(model, channels))


def _trace(model, channels):
    if hasattr(model, "example_inputs"):
        inputs = model.example_inputs()
    else:
        inputs = (jax.ShapeDtypeStruct((1, 64, 64, channels), jnp.float32),)
    init = functools.partial(model.init, train=False)
    return jax.eval_shape(init, jax.random.key(0), *inputs)


# The import of a file asks several times for the shapes of one network, and a trace of
# a large one takes seconds.
_trace_once = functools.lru_cache(maxsize=8)(_trace)


def completed(
    taken: dict, shapes, model, channels: int
) -> tuple[dict, tuple[str, ...]]:
    """Adds initial values for the variables that an import did not provide.

    Only the initial values of these missing variables are computed.

    Args:
      taken: The imported variables, nested dicts.
      shapes: The shapes of all variables of the model.
      model: The network.
      channels: The number of image channels.

    Returns:
      All variables as nested dicts, and the paths of those that have initial values.
    """
    have = flatten(taken)
    absent = tuple(path for path in flatten(shapes) if path not in have)
    if absent:
        image = jnp.zeros((1, 64, 64, channels), jnp.float32)

        @jax.jit
        def fresh(key):
            flat = flatten(model.init(key, image, train=False))
            return {path: flat[path] for path in absent}

        have = {**have, **jax.device_get(fresh(jax.random.key(0)))}
    paths = {tuple(path.split("/")): value for path, value in have.items()}
    return unflatten_dict(paths), absent
