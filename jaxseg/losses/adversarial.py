"""Objectives of a generator and a patch discriminator: pix2pix (arXiv 1611.07004).

Terms are (value, weight, coefficient), as for all losses. The outputs of the
discriminator are logits, one for each patch.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import jax
import jax.numpy as jnp

from jaxseg.config import LossConfig
from jaxseg.losses.reduction import Term

NAMES = ("adversarial", "l1")


@dataclasses.dataclass(frozen=True)
class Objectives:
    """Computes the losses of the generator and of the discriminator.

    Attributes:
      adversarial: Coefficient of the adversarial term; 1 in the paper. Without this
        term there is no discriminator.
      l1: Coefficient of the absolute error; 100 in the paper.
    """

    adversarial: float
    l1: float

    def discriminator(self, real: jax.Array, fake: jax.Array) -> dict[str, Term]:
        """Returns the discriminator's terms: is a picture real or generated?

        Both are cross entropies, each halved as in the paper.

        Args:
          real: Logits [B, h, w] of the true pictures.
          fake: Logits [B, h, w] of the generated pictures.
        """
        return {
            "real": (jax.nn.softplus(-real), jnp.ones_like(real), 0.5),
            "fake": (jax.nn.softplus(fake), jnp.ones_like(fake), 0.5),
        }

    def generator(
        self,
        picture: jax.Array,
        batch: Mapping[str, jax.Array],
        judged: jax.Array | None,
    ) -> dict[str, Term]:
        """Returns the generator's terms.

        They are the cross entropy of the generated picture with the answer "real", and
        its absolute error.

        Args:
          picture: The generated picture [B, H, W, T], from -1 to 1.
          batch: "target", the true picture of the same shape, and "known", booleans
            [B, H, W].
          judged: The discriminator's logits [B, h, w] of the generated picture, or None
            without a discriminator.
        """
        terms = {}
        if judged is not None:
            value = jax.nn.softplus(-judged)
            terms["adversarial"] = (value, jnp.ones_like(value), self.adversarial)
        if self.l1:
            error = jnp.abs(picture - batch["target"]).mean(-1)
            terms["l1"] = (error, batch["known"].astype(jnp.float32), self.l1)
        return terms


def is_adversarial(config: LossConfig) -> bool:
    """Returns whether a configuration asks for these objectives."""
    return config.name in NAMES


def build_adversarial(config: LossConfig) -> Objectives:
    """Builds the objectives of a configuration.

    `LossConfig("adversarial", additional=(("l1", 100.0),))` is the objective of
    the paper.

    Raises:
      ValueError: If the configuration has other losses, options or class weights.
    """
    named = dict([(config.name, 1.0), *config.additional])
    unknown = sorted(set(named) - set(NAMES))
    if unknown or config.options or config.class_weights != "none":
        raise ValueError(
            f"loss.name={config.name!r} with loss.additional={config.additional}, "
            f"loss.options={config.options}, "
            f"loss.class_weights={config.class_weights!r} is invalid: "
            f"expected only {' and '.join(NAMES)}, without options and class weights."
        )
    return Objectives(named.get("adversarial", 0.0), named.get("l1", 0.0))
