"""Defines the losses of pix2pix's generator and discriminator (arXiv 1611.07004).

As for all losses, each term of an objective is a triple (value, weight, coefficient).
The discriminator returns one logit for each patch of the picture.
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
    """Computes the losses of the generator and the discriminator of pix2pix.

    Attributes:
      adversarial: Coefficient of the adversarial term; 1 in the paper. With 0, no
        discriminator is trained.
      l1: Coefficient of the absolute error; 100 in the paper.
    """

    adversarial: float
    l1: float

    def discriminator(self, real: jax.Array, fake: jax.Array) -> dict[str, Term]:
        """Returns the loss terms of the discriminator.

        The result is a dictionary with the keys "real" for the true pictures and "fake"
        for the generated ones. Each value is a triple: the binary cross entropy of each
        patch, its weight in the mean, and the coefficient of the term, which is 1/2 as
        in the paper.

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
        """Returns the loss terms of the generator.

        The result is a dictionary from the name of each term to a triple: the loss of
        each patch or pixel, its weight in the mean, and the coefficient of the term.
        "adversarial" is the binary cross entropy of the discriminator's logits with the
        target "real", and "l1" is the absolute error of the generated picture.

        Args:
          picture: The generated picture [B, H, W, T], from -1 to 1.
          batch: A dictionary with "target", the true picture of the same shape, and
            "known", booleans [B, H, W], which are False at pixels that do not count.
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
    """Returns whether a configuration has the adversarial or the L1 loss of pix2pix."""
    return config.name in NAMES


def build_adversarial(config: LossConfig) -> Objectives:
    """Returns the losses of generator and discriminator that a configuration selects.

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
            f"expected only the losses {' and '.join(NAMES)}, without options and "
            "class weights."
        )
    return Objectives(named.get("adversarial", 0.0), named.get("l1", 0.0))
