"""Applies a network with active dropout, for Monte Carlo dropout (arXiv 1506.02142).

A random key determines one mask for each dropout layer, and thus one randomly thinned
network. All images of a batch share these masks, so the prediction for an image does
not depend on the other images in its batch.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxseg.typing import Array


def with_dropout(
    model: nn.Module, variables: Any, inputs: Array, key: Array
) -> dict[str, Array]:
    """Applies a network in evaluation mode with dropout masks drawn from a key.

    Args:
      model: A network. With `train=False`, its dropout must be active if an rng named
        "dropout" is given. This holds for all networks of jaxseg.
      variables: The parameters and statistics of the network.
      inputs: The normalized images, [B, h, w, C].
      key: The random key of all masks.

    Returns:
      A dictionary from the name of each output of the network, such as "logits", to
      the output.
    """
    with nn.intercept_methods(_share_mask):
        outputs: Any = model.apply(
            variables, inputs, train=False, rngs={"dropout": key}
        )
    return outputs


def dropout_layers(model: nn.Module, variables: Any, inputs: Any) -> tuple[str, ...]:
    """Returns a tuple with the paths of the dropout layers that are active.

    A path such as "head/Dropout_0" consists of module names. The network is traced with
    abstract values, so that nothing is computed.

    Args:
      model: The network.
      variables: The parameters and statistics of the network, or their shapes.
      inputs: Normalized images [B, h, w, C], or their shape and type.
    """
    names = []

    def note(run, args, kwargs, context):
        if _drops(context):
            names.append("/".join(context.module.path))
        return run(*args, **kwargs)

    def forward(variables, inputs):
        with nn.intercept_methods(note):
            key = jax.random.key(0)
            return model.apply(variables, inputs, train=False, rngs={"dropout": key})

    jax.eval_shape(forward, variables, inputs)
    return tuple(names)


def _drops(context) -> bool:
    layer = context.module
    return (
        isinstance(layer, nn.Dropout)
        and context.method_name == "__call__"
        and not layer.deterministic
        and layer.rate > 0
    )


def _share_mask(run, args, kwargs, context):
    """Replaces the masks of a dropout layer by one mask for all images of a batch."""
    if not _drops(context):
        return run(*args, **kwargs)
    layer, (x, *_) = context.module, args
    shape = [1, *x.shape[1:]]
    for axis in layer.broadcast_dims:
        shape[axis] = 1
    keep = 1.0 - layer.rate
    mask = jax.random.bernoulli(layer.make_rng(layer.rng_collection), keep, shape)
    return jnp.where(mask, x / keep, jnp.zeros_like(x))
