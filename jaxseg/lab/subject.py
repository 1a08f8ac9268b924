"""Represents networks of jaxseg and networks of users as functions of images."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp

from jaxseg import analysis
from jaxseg.analysis.foreign.adapt import is_opaque
from jaxseg.lab.callables import load_callable
from jaxseg.lab.networks import build, theoretical, weights_of
from jaxseg.lab.studied import StudiedNetwork, check_choice


@dataclasses.dataclass(frozen=True)
class Subject:
    """Contains a network as functions of images, one for each set of its weights.

    Attributes:
      functions: A dictionary from the name of each set of weights to the function that
        maps images to the output of the network. The name is, for example, "random",
        "step 1000" or, for a network of the user, "given".
      channels: The number of channels of the images.
      opaque: Whether JAX cannot see the operations of the network, so that only its
        outputs and gradients can be measured.
      module: The linen module if the network is one of jaxseg, or None.
    """

    functions: dict[str, analysis.ImageFunction]
    channels: int
    opaque: bool = False
    module: Any = None

    def images(self, size: tuple[int, int]) -> jax.ShapeDtypeStruct:
        """Describes one image of the given height and width without any pixels.

        The result contains the shape (1, H, W, channels) and the dtype float32.
        """
        return jax.ShapeDtypeStruct((1, *size, self.channels), jnp.float32)

    def theoretical(self, size: tuple[int, int]) -> tuple[int, int] | None:
        """Returns the height and width in pixels of the network's receptive field.

        It is the field of the network's output map, and is computed without weights by
        tracing an image of the given size. The result is None for a network whose
        operations JAX cannot see.
        """
        if self.opaque:
            return None
        if self.module is not None:
            return theoretical(self.module, size)
        (fn,) = self.functions.values()
        found = analysis.reach(fn, self.images(size))
        return analysis.extent(found.rows).size, analysis.extent(found.columns).size


def subject_of(network: StudiedNetwork, size: tuple[int, int]) -> Subject:
    """Builds or imports the network that the options choose.

    Args:
      network: The options.
      size: Height and width of the image with which an imported network is
        initialized, if it is a pair of functions (init, apply).

    Returns:
      A `Subject`, which contains, for each set of weights, the function that maps
      images to the output of the network, and the number of image channels.
    """
    check_choice(network)
    if network.callable is None:
        model = build(network)
        functions = {
            name: lambda x, v=variables: model.apply(v, x, train=False)["logits"]
            for name, variables in weights_of(network, model).items()
        }
        return Subject(functions, 3, module=model)
    found = load_callable(network.callable)
    image = jnp.zeros((1, *size, network.channels), jnp.float32)
    fn = analysis.image_function(found, image, seed=network.seed)
    return Subject({"given": fn}, network.channels, opaque=is_opaque(found))
