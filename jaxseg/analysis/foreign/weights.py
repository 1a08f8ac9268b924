"""Turns the weights that a function of images contains into arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
from jax.extend import core


def weights_as_arguments(
    fn: Callable[[Any], Any], image: Any
) -> tuple[Callable[..., Any], list[jax.Array]]:
    """Returns a pair: `fn` as a function of image and weights, and these weights.

    `layer_costs`, `count_cost` and `peak_memory` distinguish weights, which are
    arguments, from constants. The result of `from_keras` and of other adapters contains
    its weights as constants. Call these functions as follows:

        run, weights = weights_as_arguments(fn, image)
        layers = layer_costs(run, image, *weights)

    Args:
      fn: A function of images that contains its weights.
      image: An array or `jax.ShapeDtypeStruct` [N, H, W, C].

    Returns:
      The function, which accepts images of this shape, and the list of the arrays that
      it takes after the image.
    """
    closed = jax.make_jaxpr(fn)(image)

    def run(image, *weights):
        bound = core.ClosedJaxpr(closed.jaxpr, list(weights))
        return core.jaxpr_as_fun(bound)(image)[0]

    return run, list(closed.consts)
