"""Converts PyTorch networks into functions of images that JAX can differentiate.

PyTorch computes the outputs and the gradients, and JAX calls it back for both. JAX
cannot see inside the network, so functions that analyze a traced program, such as
`jaxseg.analysis.reach` and `jaxseg.analysis.layer_costs`, cannot be applied to it.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxseg.analysis.foreign.image_function import ImageFunction, selected


def from_torch(network: Any, *, output: str | None = None) -> ImageFunction:
    """Returns the function of images that a PyTorch network computes in evaluation.

    The network runs in PyTorch, on the device of its parameters and in float32. Its
    gradient with respect to the images is computed by `torch.autograd`.

    Args:
      network: A `torch.nn.Module` that maps images [N, C, H, W] to a map
        [N, K, h, w]. It is switched to evaluation mode.
      output: The key of the map, if the network returns a dictionary, see
        `from_function`.

    Returns:
      A function from images [N, H, W, C] to a map [N, h, w, K], both float32.
    """
    network.eval()
    caller = _Caller(network, output)

    @jax.custom_vjp
    def call(images):
        return caller.forward(images)

    call.defvjp(lambda images: (call(images), images), caller.backward)
    return lambda images: call(jnp.asarray(images, jnp.float32))


class _Caller:
    """Calls a PyTorch network from JAX programs."""

    def __init__(self, network: Any, output: str | None):
        self.network, self.output = network, output
        self.shapes: dict[tuple[int, ...], tuple[int, ...]] = {}

    def forward(self, images):
        shape = jax.ShapeDtypeStruct(self.shape_of(images.shape), jnp.float32)
        return jax.pure_callback(self.outputs, shape, images, vmap_method="sequential")

    def backward(self, images, cotangent):
        shape = jax.ShapeDtypeStruct(images.shape, jnp.float32)
        gradient = jax.pure_callback(
            self.gradient, shape, images, cotangent, vmap_method="sequential"
        )
        return (gradient,)

    def shape_of(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Returns the shape of the map, for which the network runs once per shape."""
        if shape not in self.shapes:
            self.shapes[shape] = self.outputs(np.zeros(shape, np.float32)).shape
        return self.shapes[shape]

    def outputs(self, images) -> np.ndarray:
        import torch

        with torch.no_grad():
            return _channels_last(self.run(self.tensor(images)))

    def gradient(self, images, cotangent) -> np.ndarray:
        import torch

        with torch.enable_grad():
            inputs = self.tensor(images).requires_grad_()
            outputs = self.run(inputs)
            (found,) = torch.autograd.grad(outputs, inputs, self.tensor(cotangent))
        return _channels_last(found)

    def run(self, images):
        return selected(self.network(images), self.output, kind="network")

    def tensor(self, array):
        """Converts [N, H, W, C] to a tensor [N, C, H, W] on the network's device."""
        import torch

        moved = np.moveaxis(np.asarray(array, np.float32), -1, 1)
        parameter = next(self.network.parameters(), None)
        device = None if parameter is None else parameter.device
        return torch.tensor(np.ascontiguousarray(moved), device=device)


def _channels_last(tensor) -> np.ndarray:
    moved = np.moveaxis(tensor.detach().float().cpu().numpy(), 1, -1)
    return np.ascontiguousarray(moved)
