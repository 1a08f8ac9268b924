"""Converts a pair of pure functions `init` and `apply` into a function of images.

Haiku's `transform`, the layers of `jax.example_libraries.stax` and the modules of
`flax.linen` provide such pairs.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import jax

from jaxseg.analysis.foreign.image_function import ImageFunction, from_function

KEY_NAMES = ("rng", "key")


def from_init_apply(
    init: Callable,
    apply: Callable,
    images: Any,
    *,
    seed: int = 0,
    output: str | None = None,
) -> ImageFunction:
    """Initializes a network and returns the function of images that it computes.

    Args:
      init: Maps a random key and images to the parameters.
      apply: Maps the parameters and images to a map [N, h, w, K]. If its second
        argument has the name "rng" or "key", as in Haiku's `transform`, it gets a
        random key between the parameters and the images.
      images: Images [N, H, W, C], which `init` receives.
      seed: The seed of the parameters.
      output: The key of the map, if `apply` returns a dictionary, see `from_function`.

    Returns:
      A function from images [N, H, W, C] to a map [N, h, w, K].

    >>> import jax.numpy as jnp
    >>> init = lambda key, images: jnp.full((3, 2), 0.5)
    >>> apply = lambda params, images: images @ params
    >>> fn = from_init_apply(init, apply, jnp.ones((1, 4, 4, 3)))
    >>> fn(jnp.ones((1, 8, 8, 3))).shape
    (1, 8, 8, 2)
    """
    key, later = jax.random.split(jax.random.key(seed))
    params = init(key, images)
    middle = (later,) if _takes_key(apply) else ()
    return from_function(lambda x: apply(params, *middle, x), output=output)


def _takes_key(apply: Callable) -> bool:
    names = list(inspect.signature(apply).parameters)
    return len(names) > 1 and names[1] in KEY_NAMES
