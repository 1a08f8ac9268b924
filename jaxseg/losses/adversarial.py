"""Objectives of a generator and a patch discriminator: pix2pix (arXiv 1611.07004).

Terms are (value, weight, coefficient) as everywhere; the discriminator's outputs are
logits, each of one patch.
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
    """The generator's terms by coefficient, and those of its discriminator.

    `adversarial` 1 and `l1` 100 are the paper's; without the first nobody judges.
    """

    adversarial: float
    l1: float

    def discriminator(self, real: jax.Array, fake: jax.Array) -> dict[str, Term]:
        """Cross entropy of "real" and of "generated", each halved as in the paper.

        Args:
          real, fake: logits [B, h, w] of the true and of the generated pictures.
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
        """Cross entropy of "real" for what was generated, and the absolute error.

        Args:
          picture: [B, H, W, T] in -1 ... 1.
          batch: "target" like it, and "known", bool [B, H, W].
          judged: logits [B, h, w] of the picture, None without a discriminator.
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
    """Whether a configuration asks for these objectives."""
    return config.name in NAMES


def build_adversarial(config: LossConfig) -> Objectives:
    """`LossConfig("adversarial", extra=(("l1", 100.0),))` is the paper's objective.

    Raises: ValueError on other losses beside these, options or class weights.
    """
    named = dict([(config.name, 1.0), *config.extra])
    unknown = sorted(set(named) - set(NAMES))
    if unknown or config.options or config.class_weights != "none":
        raise ValueError(
            f"loss {config.name!r} with extra {config.extra}, options {config.options} "
            f"and class_weights {config.class_weights!r}; allowed are {NAMES} alone, "
            "without options and weights"
        )
    return Objectives(named.get("adversarial", 0.0), named.get("l1", 0.0))
