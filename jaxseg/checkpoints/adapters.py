"""Low-rank adapters of linear layers, and their merge (LoRA, arXiv 2106.09685).

A linear layer x W with an adapter computes x (W + A B), where A is [in, rank] and B is
[rank, out]. A and B are trained, and W keeps its value. The entry "adapters" of the
parameters contains A as "down" and B as "up", under the path of the layer. Checkpoints
contain this entry. Code that loads a network from a checkpoint replaces W by W + A B
and removes the entry.

A 1x1 convolution applies a linear layer to every pixel. In a backbone whose kernels are
all those of convolutions, such as ResNet or EfficientNet, the 1x1 convolutions have
adapters, and W is their kernel [1, 1, in, out]. The gates of squeeze-and-excitation
have none, because they are narrower than the usual ranks: the narrowest gate of
EfficientNet-B0 has 4 hidden channels.

Differs: the factor alpha / rank of section 4.1 is 1. The authors choose alpha once,
because with Adam it acts like the learning rate. A joint matrix of queries, keys and
values has one adapter.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

ADAPTERS, BACKBONE = "adapters", "backbone"
_DOWN, _UP = "down", "up"
_GATES = {"gate", "squeeze"}  # the names of squeeze-and-excitation in backbones


def add_adapters(params: Mapping[str, Any], rank: int, key: jax.Array) -> Any:
    """Adds a low-rank adapter to every linear layer of the backbone of a network.

    If the backbone has no linear layers, its 1x1 convolutions have adapters. The gates
    of squeeze-and-excitation have none.

    An adapter consists of two matrices, A [in, rank] and B [rank, out], whose product
    is added to the matrix of its layer. At first, the adapters do not change what the
    network computes, because B begins with zeros. A begins with random numbers whose
    variance is 1 / in, as in the authors' code.

    Args:
      params: The parameters of the network, nested dictionaries.
      rank: The number of columns of A.
      key: The random key of the initial values.

    Returns:
      The parameters with the entry "adapters".

    Raises:
      ValueError: If the backbone has neither linear layers nor 1x1 convolutions, or if
        the rank is larger than a side of one of its matrices.
    """
    found = _matrices(params.get(BACKBONE, {}))
    if not found:
        raise ValueError(
            f"train.adapter_rank={rank} is invalid: expected None, because the network "
            "has no backbone with linear layers or 1x1 convolutions. Choose a "
            "transformer, a ResNet or an EfficientNet."
        )
    smallest = min(min(shape) for shape in found.values())
    if not 1 <= rank <= smallest:
        raise ValueError(
            f"train.adapter_rank={rank} is invalid: expected a number from 1 to "
            f"{smallest}, the smallest side of a matrix of the backbone."
        )
    adapters = {}
    for number, (path, (inputs, outputs)) in enumerate(sorted(found.items())):
        own = jax.random.fold_in(key, number)
        down = jax.random.normal(own, (inputs, rank)) * inputs**-0.5
        adapters[(BACKBONE, *path, _DOWN)] = down
        adapters[(BACKBONE, *path, _UP)] = jnp.zeros((rank, outputs))
    return {**params, ADAPTERS: unflatten_dict(adapters)}


def merge_adapters(params: Mapping[str, Any], *, frozen: bool = False) -> Any:
    """Adds the product A B of each low-rank adapter to the matrix of its linear layer.

    The matrix of a 1x1 convolution is its kernel [1, 1, in, out].
    Parameters without the entry "adapters" are returned unchanged.

    Args:
      params: The parameters, with NumPy or JAX arrays.
      frozen: Whether the gradient with respect to the backbone's own parameters is 0,
        as in training.

    Returns:
      The parameters of the network, without the entry "adapters".
    """
    if ADAPTERS not in params:
        return params
    merged = {name: value for name, value in params.items() if name != ADAPTERS}
    if frozen:
        merged[BACKBONE] = jax.lax.stop_gradient(merged[BACKBONE])
    flat, adapters = flatten_dict(merged), flatten_dict(params[ADAPTERS])
    for path, down in adapters.items():
        if path[-1] == _DOWN:
            kernel = (*path[:-1], "kernel")
            change = _product(down, adapters[(*path[:-1], _UP)])
            flat[kernel] = flat[kernel] + change.reshape(flat[kernel].shape)
    return unflatten_dict(flat)


def stored_adapters(stored: Mapping[str, tuple[int, ...]], entry: str) -> Any:
    """Returns the shapes of the low-rank adapters that a checkpoint contains.

    A checkpoint is read with the shapes of the network's arrays. These do not include
    adapters, so the caller adds the result to them.

    Args:
      stored: A dictionary from the path of each stored array to its shape.
      entry: The entry of the training state that contains the adapters: "params", or
        "ema" for the moving average of the parameters.

    Returns:
      {"adapters": a tree of shapes}, or {} if the checkpoint contains no adapters.
    """
    prefix = f"{entry}/{ADAPTERS}/"
    shapes = {
        tuple(path.removeprefix(prefix).split("/")): shape
        for path, shape in stored.items()
        if path.startswith(prefix)
    }
    tree = {
        path: jax.ShapeDtypeStruct(shape, jnp.float32) for path, shape in shapes.items()
    }
    return {ADAPTERS: unflatten_dict(tree)} if tree else {}


def is_trained(params: Mapping[str, Any]) -> Any:
    """Returns a tree of booleans that says which parameters training changes.

    The tree has the structure of `params`. The adapters and all parameters outside of
    the backbone are trained. If there is no entry "adapters", all parameters are
    trained.
    """
    frozen = {BACKBONE} if ADAPTERS in params else set()
    return {
        name: jax.tree.map(lambda _, kept=name in frozen: not kept, value)
        for name, value in params.items()
    }


def _matrices(backbone):
    """Returns the shape [in, out] of the matrix of each layer with an adapter, by path.

    A 1x1 kernel with one input channel is that of a depthwise convolution. Backbones
    contain no other 1x1 convolutions with groups.
    """
    kernels = {
        path[:-1]: leaf.shape
        for path, leaf in flatten_dict(backbone).items()
        if path[-1] == "kernel"
    }
    linear = {path: shape for path, shape in kernels.items() if len(shape) == 2}
    return linear or {
        path: shape[2:]
        for path, shape in kernels.items()
        if len(shape) == 4
        and shape[:2] == (1, 1)
        and shape[2] > 1
        and not _GATES.intersection(path)
    }


def _product(down, up):
    if isinstance(down, np.ndarray):
        return down @ up
    exact = jax.lax.Precision.HIGHEST  # a TPU would round float32 to bfloat16
    return jnp.matmul(down, up, precision=exact)
