"""Defines a class that averages networks and has the methods of a single network."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from jaxseg.data.spec import DatasetSpec
from jaxseg.inference.image_network import ImageNetwork
from jaxseg.inference.uncertainty.averaging import Average, Averaged, Averaging, Sums
from jaxseg.inference.uncertainty.members import dropout_key
from jaxseg.typing import Array


@dataclasses.dataclass(frozen=True)
class AveragedNetwork:
    """Averages predictions of several networks or with several dropout masks.

    The methods have no side effects and can be compiled with `jax.jit`, like those of
    `ImageNetwork`. The argument `variables` is a sequence with the variables of each
    network. Whole images are predicted, at a single scale.

    Attributes:
      networks: The networks, which predict the same classes.
      averaging: Whether probabilities or logits are averaged, and how many predictions
        each network makes with random dropout masks.
    """

    networks: tuple[ImageNetwork, ...]
    averaging: Averaging = Averaging()  # noqa: RUF009

    @property
    def spec(self) -> DatasetSpec:
        """Returns the dataset specification, whose classes all networks predict."""
        return self.networks[0].spec

    def averaged(self, variables: Sequence[Any], pixels: Array) -> Averaged:
        """Predicts whole images with each network, and averages the predictions.

        Args:
          variables: The parameters and statistics of each network.
          pixels: The images before normalization, [B, H, W, C].

        Returns:
          The averaged probabilities [B, H, W, K], and a dictionary from the name of
          each requested map of uncertainty to the map, [B, H, W].
        """
        rule, shape = self._rule(variables, pixels)
        sums = rule.zeros(shape)
        pairs = zip(self.networks, variables, strict=True)
        for index, (network, own) in enumerate(pairs):
            sums = self._add(sums, rule, index, network=network, own=own, pixels=pixels)
        samples = max(1, self.averaging.dropout_samples)
        return rule.result(sums, jnp.float32(len(self.networks) * samples))

    def _add(self, sums, rule, index, *, network, own, pixels) -> Sums:
        def logits(key=None):
            return rule.form.class_logits(network.logits(own, pixels, key=key))

        if not self.averaging.dropout_samples:
            return rule.add(sums, logits())

        def one(sums, sample):
            key = dropout_key(self.averaging.seed, member=index, sample=sample)
            return rule.add(sums, logits(key)), None

        return jax.lax.scan(one, sums, jnp.arange(self.averaging.dropout_samples))[0]

    def labels_and_probabilities(
        self, variables: Sequence[Any], pixels: Array
    ) -> tuple[Array, Array]:
        """Returns the labels and the averaged probabilities of all classes.

        The labels are the most probable classes, int32 [B, H, W], or, if classes can
        overlap, booleans [B, H, W, K]. The probabilities are float32 [B, H, W, K].

        Args:
          variables: The parameters and statistics of each network.
          pixels: The images before normalization, [B, H, W, C].
        """
        probabilities = self.averaged(variables, pixels).probabilities
        form = self._rule(variables, pixels)[0].form
        return form.labels_of(probabilities), probabilities

    def labels(self, variables: Sequence[Any], pixels: Array) -> Array:
        """Returns the most probable class of every pixel, int32 [B, H, W].

        If classes can overlap, the result is booleans [B, H, W, K].

        Args:
          variables: The parameters and statistics of each network.
          pixels: The images before normalization, [B, H, W, C].
        """
        return self.labels_and_probabilities(variables, pixels)[0]

    def _rule(self, variables, pixels) -> tuple[Average, tuple[int, ...]]:
        """Returns the rule of averaging, and the shape of the class logits."""
        first = self.networks[0]
        found = jax.eval_shape(first.logits, variables[0], pixels)
        shape = (*found.shape[:-1], self.spec.num_classes)
        return Average(self.averaging, first.form(found)), shape
