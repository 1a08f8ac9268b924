"""Recognizes networks of several libraries, and converts them into functions."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from jaxseg.analysis.foreign.image_function import ImageFunction, from_function
from jaxseg.analysis.foreign.init_apply import from_init_apply
from jaxseg.analysis.foreign.keras_model import from_keras
from jaxseg.analysis.foreign.nnx_module import from_nnx
from jaxseg.analysis.foreign.torch_autograd import from_torch


def image_function(
    network: Any,
    images: Any,
    *,
    output: str | None = None,
    seed: int = 0,
) -> ImageFunction:
    """Returns the function of images that a network of another library computes.

    Args:
      network: A function of images, a module of `flax.nnx`, a Keras model, a PyTorch
        network, or a pair of functions (init, apply).
      images: Images [N, H, W, C]. A pair (init, apply) is initialized for their shape.
      output: The key of the map, if the network returns a dictionary, see
        `from_function`.
      seed: The seed of the parameters of a pair (init, apply).

    Returns:
      A function from images [N, H, W, C] to a map [N, h, w, K].

    Raises:
      ValueError: If `network` is none of these.
    """
    if is_opaque(network):
        return from_torch(network, output=output)
    if _is_a(network, "keras", "Layer"):
        return from_keras(network, output=output)
    if _is_a(network, "flax.nnx", "Module"):
        return from_nnx(network, output=output)
    pair = _init_and_apply(network)
    if pair is not None:
        return from_init_apply(*pair, images, seed=seed, output=output)
    if callable(network):
        return from_function(network, output=output)
    raise ValueError(
        f"network of type {type(network).__name__} is invalid: expected a function of "
        "images, an nnx module, a Keras model, a PyTorch network, or a pair of the "
        "functions init and apply."
    )


def is_opaque(network: Any) -> bool:
    """Returns whether a network is a PyTorch module, which JAX cannot trace."""
    return _is_a(network, "torch.nn", "Module")


def _is_a(value: Any, library: str, name: str) -> bool:
    """Returns whether a value is an instance of a class, without importing it."""
    module = sys.modules.get(library)
    return module is not None and isinstance(value, getattr(module, name))


def _init_and_apply(network: Any) -> tuple[Callable, Callable] | None:
    """Returns the functions init and apply of a pair, or None for other objects."""
    init, apply = (getattr(network, name, None) for name in ("init", "apply"))
    if callable(init) and callable(apply):
        return init, apply
    is_pair = isinstance(network, tuple) and len(network) == 2
    return network if is_pair and all(map(callable, network)) else None
