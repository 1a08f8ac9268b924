"""Converts modules of `flax.nnx` into functions of images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jaxseg.analysis.foreign.image_function import ImageFunction, from_function

if TYPE_CHECKING:
    from flax import nnx


def from_nnx(
    module: nnx.Module, *, output: str | None = None, **arguments: Any
) -> ImageFunction:
    """Returns the function of images that an nnx module computes in evaluation.

    A copy of the module is evaluated, so the module itself does not change. Dropout is
    off, and normalization uses its stored statistics.

    Args:
      module: A module whose call maps images [N, H, W, C] to a map [N, h, w, K].
      output: The key of the map, if the module returns a dictionary, see
        `from_function`.
      **arguments: Further keyword arguments of the call.

    Returns:
      A function from images [N, H, W, C] to a map [N, h, w, K].
    """
    from flax import nnx  # nnx imports optax, which a prediction does not need.

    graph, state = nnx.split(module)

    def call(images):
        copy = nnx.merge(graph, state)
        copy.eval()
        return copy(images, **arguments)

    return from_function(call, output=output)
