"""Averages predictions and measures their uncertainty, one prediction at a time.

The T predictions for an image come from several networks, dropout masks, scales or
mirrored images. Let p_1, ..., p_T be their class probabilities at one pixel, p the mean
of these, and H(p) = -sum_k p_k log p_k the entropy in nats.

- The predictive entropy is the entropy of the averaged prediction, from 0 to log K.
- The mutual information is H(p) - mean_t H(p_t). It is large where the predictions are
  certain but disagree, and 0 where they are equal (arXiv 1112.5745, 1703.02910).
- The variation ratio is the fraction of the predictions whose class is not the most
  frequent one.

If classes can overlap, each class is either present or absent. The entropies of these K
binary predictions are summed, and their variation ratios are averaged.
"""

from __future__ import annotations

import dataclasses
from typing import Literal, NamedTuple, get_args

import jax
import jax.numpy as jnp

from jaxseg.ops.output_form import OutputForm
from jaxseg.typing import Array

Map = Literal["entropy", "mutual_information", "variation_ratio"]
MAPS: tuple[Map, ...] = get_args(Map)


@dataclasses.dataclass(frozen=True)
class Averaging:
    """Chooses how several predictions of an image are averaged.

    Attributes:
      of: "probabilities" averages the probabilities. "logits" averages the logits and
        converts their mean to probabilities.
      dropout_samples: The number of predictions of each network with random dropout
        masks, or 0 for a single prediction without dropout.
      seed: The seed of the dropout masks.
      maps: The maps of uncertainty to compute: "entropy", "mutual_information" or
        "variation_ratio".

    Raises:
      ValueError: If an option is invalid.
    """

    of: Literal["probabilities", "logits"] = "probabilities"
    dropout_samples: int = 0
    seed: int = 0
    maps: tuple[Map, ...] = ()

    def __post_init__(self):
        if self.of not in ("probabilities", "logits"):
            raise ValueError(
                f"average={self.of!r} is invalid: expected 'probabilities' or 'logits'."
            )
        if self.dropout_samples < 0:
            raise ValueError(
                f"dropout_samples={self.dropout_samples} is invalid: expected a number "
                ">= 0."
            )
        for name in self.maps:
            if name not in MAPS:
                raise ValueError(
                    f"maps={name!r} is invalid: expected one or more of "
                    f"{', '.join(MAPS)}."
                )


class Averaged(NamedTuple):
    """Contains an averaged prediction.

    Attributes:
      probabilities: The probabilities, float32 [B, H, W, K].
      maps: A dictionary from the name of each map of uncertainty to the map, float32
        [B, H, W].
    """

    probabilities: Array
    maps: dict[str, Array]


class Sums(NamedTuple):
    """Contains sums over the predictions that were added so far.

    All predictions are for the same images. A sum is None if it is not needed.

    Attributes:
      probabilities: The sum of the probabilities, [B, H, W, K].
      logits: The sum of the logits, [B, H, W, K].
      entropy: The sum of the entropies, [B, H, W].
      votes: The number of predictions that choose each class, [B, H, W, K].
    """

    probabilities: Array | None
    logits: Array | None
    entropy: Array | None
    votes: Array | None


@dataclasses.dataclass(frozen=True)
class Average:
    """Adds up predictions and computes their average, in methods without side effects.

    Attributes:
      options: Whether probabilities or logits are averaged, and the maps of uncertainty
        to compute.
      form: The object that converts logits to probabilities and labels.
    """

    options: Averaging
    form: OutputForm

    def zeros(self, shape: tuple[int, ...]) -> Sums:
        """Returns `Sums` that are all zero, to which predictions can be added.

        Args:
          shape: The shape of the class logits, (B, H, W, K).
        """
        maps, soft = self.options.maps, self.options.of == "probabilities"
        information = "mutual_information" in maps
        return Sums(
            probabilities=jnp.zeros(shape) if soft or information else None,
            logits=None if soft else jnp.zeros(shape),
            entropy=jnp.zeros(shape[:-1]) if information else None,
            votes=jnp.zeros(shape) if "variation_ratio" in maps else None,
        )

    def add(self, sums: Sums, logits: Array) -> Sums:
        """Returns new `Sums` that include one more prediction.

        Args:
          sums: The sums so far.
          logits: The class logits of the prediction, [B, H, W, K].
        """
        values = self.probabilities(logits)
        terms = Sums(
            probabilities=values,
            logits=logits.astype(jnp.float32),
            entropy=self.entropy(values),
            votes=self._votes(values),
        )
        added = [
            None if old is None or new is None else old + new
            for old, new in zip(sums, terms, strict=True)
        ]
        return Sums(*added)

    def result(self, sums: Sums, count: Array) -> Averaged:
        """Returns the averaged probabilities and uncertainty maps, as `Averaged`.

        Args:
          sums: The sums over all predictions.
          count: The number of predictions, as an array of shape ().
        """
        if self.options.of == "logits":
            probabilities = self.probabilities(_mean(sums.logits, count))
        else:
            probabilities = _mean(sums.probabilities, count)
        maps: dict[str, Array] = {}
        for name in self.options.maps:
            if name == "entropy":
                maps[name] = self.entropy(probabilities)
            elif name == "mutual_information":
                # Averaged probabilities also if logits are averaged: the difference is
                # an information, and never negative, only for these.
                total = self.entropy(_mean(sums.probabilities, count))
                maps[name] = jnp.maximum(total - _mean(sums.entropy, count), 0.0)
            else:
                maps[name] = 1 - self._largest_share(_mean(sums.votes, count))
        return Averaged(probabilities, maps)

    def probabilities(self, logits: Array) -> Array:
        """Converts class logits to probabilities.

        Args:
          logits: One logit for each class, [..., K].
        """
        logits = logits.astype(jnp.float32)
        if self.form.kind == "multilabel":
            return jax.nn.sigmoid(logits)
        return jax.nn.softmax(logits, axis=-1)

    def entropy(self, probabilities: Array) -> Array:
        """Returns the entropy in nats of the class probabilities of each pixel, [...].

        Args:
          probabilities: The probabilities, [..., K].
        """
        terms = jax.scipy.special.entr(probabilities)
        if self.form.kind == "multilabel":
            terms = terms + jax.scipy.special.entr(1 - probabilities)
        return terms.sum(-1)

    def _votes(self, probabilities):
        chosen = self.form.labels_of(probabilities)
        if self.form.kind == "multilabel":
            return chosen.astype(jnp.float32)
        return jax.nn.one_hot(chosen, probabilities.shape[-1], dtype=jnp.float32)

    def _largest_share(self, share):
        if self.form.kind == "multilabel":
            return jnp.maximum(share, 1 - share).mean(-1)
        return share.max(-1)


def largest_value(name: Map, *, num_classes: int, multilabel: bool) -> float:
    """Returns an upper bound of the values of a map of uncertainty.

    Use it as the upper end of the color scale in a picture of the map.

    Args:
      name: The name of the map.
      num_classes: The number of classes K.
      multilabel: Whether classes can overlap.
    """
    if name == "variation_ratio":
        return 0.5 if multilabel else 1 - 1 / num_classes
    log2 = 0.6931471805599453
    return num_classes * log2 if multilabel else float(jnp.log(max(num_classes, 2)))


def _mean(total: Array | None, count: Array) -> Array:
    assert total is not None  # because `zeros` makes every sum that is read
    return total / count
