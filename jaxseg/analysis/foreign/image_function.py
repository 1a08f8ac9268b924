"""Defines the type of the functions that `jaxseg.analysis` measures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from jaxseg.typing import Array

KEYS = ("logits", "out")  # of the outputs of jaxseg and of torchvision


class ImageFunction(Protocol):
    """Maps images [N, H, W, C] to one map [N, h, w, K].

    Every function in `jaxseg.analysis` that measures a network accepts an object that
    can be called in this way. JAX must be able to differentiate the call with respect
    to the images.
    """

    def __call__(self, images: Array, /) -> Array:
        """Returns the map, [N, h, w, K], of images [N, H, W, C]."""


def from_function(
    fn: Callable[[Array], Any], *, output: str | None = None
) -> ImageFunction:
    """Returns a function of images that selects one map from the outputs of `fn`.

    Args:
      fn: Maps images [N, H, W, C] to a map [N, h, w, K], or to a dictionary or a
        sequence of maps.
      output: The key of the map in the dictionary. By default, the map is the entry
        "logits" or "out", or the only entry of the dictionary or the sequence.

    Raises:
      ValueError: If the output of `fn` does not determine one map, or if the map does
        not have four axes. The returned function raises the error when it is called.

    >>> import jax.numpy as jnp
    >>> twice = from_function(lambda images: {"logits": 2 * images, "aux": images})
    >>> float(twice(jnp.ones((1, 4, 4, 3))).mean())
    2.0
    """
    return lambda images: selected(fn(images), output)


def selected(outputs: Any, output: str | None = None, *, kind: str = "output") -> Any:
    """Returns the map [N, h, w, K] among the outputs of a network.

    Args:
      outputs: A map, or a dictionary or a sequence of maps.
      output: The key of the map in the dictionary, or None, see `from_function`.
      kind: What an error message calls invalid: "output" or "network".

    Raises:
      ValueError: If the outputs do not determine one map with four axes.
    """
    found = outputs
    if isinstance(outputs, Mapping):
        known = [key for key in KEYS if key in outputs]
        only = list(outputs) if len(outputs) == 1 else known[:1]
        if output is not None:
            only = [output] if output in outputs else []
        if not only:
            raise ValueError(
                f"output={output!r} is invalid: expected one of the keys "
                f"{', '.join(map(str, outputs))} of the network's outputs."
            )
        found = outputs[only[0]]
    elif isinstance(outputs, list | tuple):
        if len(outputs) != 1:
            raise ValueError(
                f"{kind} is invalid: expected one map, but the network returns a "
                f"sequence of {len(outputs)}. Wrap it in a function that returns the "
                "map to study."
            )
        found = outputs[0]
    shape = getattr(found, "shape", None)
    if shape is None or len(shape) != 4:
        raise ValueError(
            f"{kind} is invalid: expected a map with four axes, but it has the shape "
            f"{None if shape is None else tuple(shape)}."
        )
    return found
