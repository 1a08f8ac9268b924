"""Defines the networks of an ensemble, and checks that they can be averaged."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax

from jaxseg.data.spec import DatasetSpec
from jaxseg.inference.image_network import ImageNetwork
from jaxseg.inference.uncertainty.averaging import Averaging
from jaxseg.inference.uncertainty.dropout import dropout_layers
from jaxseg.typing import Array

AGREEING = {  # attribute of the specification -> the words for it
    "classes": "classes",
    "multilabel": "form of classes",
    "channels": "number of channels",
    "image_type": "type of pixels",
    "value_range": "range of pixel values",
    "mean": "mean of the pixels",
    "std": "standard deviation of the pixels",
}


@dataclasses.dataclass(frozen=True, eq=False)
class Member:
    """Represents one network of an ensemble, with its weights and its preprocessing.

    Attributes:
      network: The network with its preprocessing.
      variables: Its parameters and statistics.
      plain: A compiled function that maps preprocessed images to class logits without
        dropout. With None, `predictions` uses `apply` instead.
    """

    network: ImageNetwork
    variables: Any = dataclasses.field(repr=False)
    plain: Callable[[Array], Array] | None = dataclasses.field(default=None, repr=False)

    @functools.cached_property
    def prepare(self) -> Callable[[Array], Array]:
        """Returns the compiled function that preprocesses (normalizes) images."""
        return jax.jit(self.network.prepare)

    @functools.cached_property
    def apply(self) -> Callable[..., Array]:
        """Returns the compiled function from preprocessed images to class logits.

        A random key in the argument `key` turns dropout on.
        """
        placed = jax.device_put(self.variables)
        return functools.partial(jax.jit(self.network.class_logits), placed)

    def predictions(
        self, averaging: Averaging, index: int = 0
    ) -> Iterator[Callable[[Array], Array]]:
        """Yields the functions whose predictions are averaged for this network.

        Each maps preprocessed images to class logits. There is one function for each
        dropout sample, or a single one without dropout.

        Args:
          averaging: The number of dropout samples and their seed.
          index: The index of this network in the ensemble.
        """
        if not averaging.dropout_samples:
            yield self.plain or self.apply
        for sample in range(averaging.dropout_samples):
            key = dropout_key(averaging.seed, member=index, sample=sample)
            yield functools.partial(self.apply, key=key)


def dropout_key(seed: int, *, member: int, sample: Array | int) -> Array:
    """Returns the random key of the dropout masks of one prediction.

    Args:
      seed: The seed that the user has chosen.
      member: The index of the network in the ensemble.
      sample: The index of the dropout sample of this network.
    """
    return jax.random.fold_in(jax.random.fold_in(jax.random.key(seed), member), sample)


def check_agreement(first: DatasetSpec, other: DatasetSpec, name: str) -> None:
    """Checks that the predictions of two networks can be averaged.

    Args:
      first: The classes and the pixels of the first network.
      other: The classes and the pixels of another network.
      name: The name of the other network, such as its run directory, for errors.

    Raises:
      ValueError: If the networks differ in their classes, or in the channels, the type
        or the normalization of their images.
    """
    for attribute, words in AGREEING.items():
        wanted, found = getattr(first, attribute), getattr(other, attribute)
        if wanted != found:
            raise ValueError(
                f"ensemble={name!r} is invalid: expected the {words} of the first "
                f"network, {shortened(wanted)}, found {shortened(found)}. Average runs "
                "that were trained on the same classes and images."
            )


def check_dropout(
    members: Sequence[Member], averaging: Averaging, size: tuple[int, int]
) -> None:
    """Checks that every network has dropout if dropout samples are requested.

    Args:
      members: The networks.
      averaging: The number of dropout samples.
      size: A height and a width of images that the networks accept.

    Raises:
      ValueError: If a network has no dropout.
    """
    for member in members if averaging.dropout_samples else ():
        network, spec = member.network, member.network.spec
        pixels = jax.ShapeDtypeStruct((1, *size, spec.channels), spec.image_dtype)
        inputs = jax.eval_shape(network.prepare, pixels)
        if not dropout_layers(network.model, member.variables, inputs):
            name = type(network.model).__name__
            raise ValueError(
                f"dropout_samples={averaging.dropout_samples} is invalid: expected 0, "
                f"because the network {name} has no dropout layer with a rate above 0. "
                "Use another network, or set its option `dropout` if it has one."
            )


def shortened(value: Any) -> str:
    """Returns `str(value)`; a text of over 100 characters is cut and ends in "..."."""
    text = str(value)
    return text if len(text) <= 100 else f"{text[:97]}..."
