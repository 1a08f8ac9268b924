"""Computes the shapes and the initial values of a model's variables."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from flax import linen as nn
from flax.traverse_util import unflatten_dict

from jaxseg.weights.translate.convert import flatten


def model_shapes(model: nn.Module, channels: int = 3):
    """Returns the shapes and types of a model's variables without computing their
    values.

    Args:
      model: The model.
      channels: The number of image channels.
    """
    image = jax.ShapeDtypeStruct((1, 64, 64, channels), jnp.float32)
    return jax.eval_shape(
        lambda key, x: model.init(key, x, train=False), jax.random.key(0), image
    )


def completed(
    taken: dict, shapes, model, channels: int
) -> tuple[dict, tuple[str, ...]]:
    """Adds initial values for the variables that an import did not provide.

    Only the initial values of these missing variables are computed.
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
