"""Computes the weights with which one pixel attends to all others in a network.

The supported layers are the position attention of DANet, the non-local block and the
object context of OCR. If the caller of the network makes the Flax collection
"intermediates" mutable, these layers store arrays in it, from which this module
computes the weights. The parameters and the outputs of the network do not change.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn
from flax.core import unfreeze

from jaxseg.inference.image_network import ImageNetwork
from jaxseg.typing import Array, Size

NAME = "attention"


class Attention(NamedTuple):
    """Contains the weights with which one pixel attends to all pixels of a layer.

    Attributes:
      weights: The weight of each cell of the feature map, float32 [h, w]. After a
        softmax they are positive and their sum is 1. In the modes "dot_product" and
        "concatenation" of a non-local block, they are not normalized, and in
        "dot_product" they can be negative. For OCR, they are the average of the spatial
        maps of all class regions, weighted by `regions`.
      regions: For OCR, the attention of the pixel to the region of each class, float32
        [K]; otherwise None.
    """

    weights: Array
    regions: Array | None = None


def attention_maps(
    network: ImageNetwork, variables: Any, pixels: Array, point: Any
) -> dict[str, Attention]:
    """Returns the attention weights of one pixel in every attention layer.

    It can be compiled with `jax.jit`.

    Args:
      network: The network with its preprocessing.
      variables: The parameters and statistics of the network.
      pixels: One image as stored, [1, H, W, C].
      point: The row and the column of the pixel, two integers.

    Returns:
      A dictionary from the name of each attention layer, such as
      "head/position_attention", to its weights, an `Attention` object. It is empty if
      the network has no attention layer.
    """
    inputs = network.prepare(pixels)
    _, state = network.model.apply(
        variables, inputs, train=False, mutable=["intermediates"]
    )
    found = {}
    for layer, parts in _stored(unfreeze(state).get("intermediates", {})):
        found[layer] = _attention(parts, point, pixels.shape[1:3])
    return found


def attention_layers(network: ImageNetwork, variables: Any, size: Size) -> list[str]:
    """Returns a list of the names of the attention layers of a network.

    The network is traced for one image of the given size, but it is not run.

    Args:
      network: The network with its preprocessing.
      variables: The parameters and statistics of the network.
      size: A height and a width of images that the network accepts.
    """
    spec = network.spec
    pixels = jax.ShapeDtypeStruct((1, *size, spec.channels), spec.image_dtype)
    point = jax.ShapeDtypeStruct((2,), jnp.int32)
    find = lambda *given: attention_maps(network, *given)
    return list(jax.eval_shape(find, variables, pixels, point))


def check_attention(network: ImageNetwork, variables: Any, size: Size) -> None:
    """Raises ValueError if a network has no attention layer whose weights are stored.

    Args:
      network: The network with its preprocessing.
      variables: The parameters and statistics of the network.
      size: A height and a width of images that the network accepts.
    """
    if not attention_layers(network, variables, size):
        raise ValueError(
            f"attention is invalid for the network {type(network.model).__name__}: "
            "expected a network with the position attention of DANet, a non-local "
            "block or the object context of OCR. Leave the option out."
        )


def _stored(tree: Mapping[str, Any], path: tuple[str, ...] = ()):
    """Yields the name of each layer and the parts that it has stored."""
    for name, value in sorted(tree.items()):
        if name == NAME and isinstance(value, tuple):
            for count, parts in enumerate(value):
                yield "/".join((*path, *([str(count)] if count else []))), parts
        elif isinstance(value, Mapping):
            yield from _stored(value, (*path, name))


def _attention(parts: Mapping[str, Array], point: Any, size: Size) -> Attention:
    """Computes the weights of one pixel from what a layer has stored."""
    if "left" in parts:
        left, right = parts["left"], parts["right"]
        y, x = _cell(point, size, left.shape[1:3])
        return Attention(nn.relu(left[0, y, x] + right[0]) / right[0].size)
    query, key = parts["query"], parts["key"]
    y, x = _cell(point, size, query.shape[1:3])
    flat = key[0].reshape(-1, key.shape[-1]).astype(jnp.float32)
    scores = flat @ query[0, y, x].astype(jnp.float32)
    if "scale" not in parts:
        return Attention((scores / len(scores)).reshape(key.shape[1:3]))
    weights = jax.nn.softmax(scores * parts["scale"])
    if "coarse" not in parts:
        return Attention(weights.reshape(key.shape[1:3]))
    coarse = parts["coarse"][0].astype(jnp.float32)
    regions = jax.nn.softmax(coarse.reshape(-1, coarse.shape[-1]), axis=0)
    return Attention((regions @ weights).reshape(coarse.shape[:2]), weights)


def _cell(point: Any, size: Size, cells: Size) -> tuple[Array, Array]:
    """Returns the cell of a feature map that contains a pixel of the image."""
    pairs = zip(point, size, cells, strict=True)
    y, x = (jnp.asarray(p) * count // side for p, side, count in pairs)
    return y, x
