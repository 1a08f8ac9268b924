"""From a `LossConfig` to the objective `loss_fn(outputs, batch)`."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from jaxseg.config import LossConfig
from jaxseg.losses._affinity import affinity
from jaxseg.losses._boundary import boundary
from jaxseg.losses._cross_entropy import cross_entropy
from jaxseg.losses._dual_task import (
    dual_task,
    edge_attention,
    image_weighted_cross_entropy,
)
from jaxseg.losses._focal import focal
from jaxseg.losses.class_weights import median_frequency
from jaxseg.losses.edge import edge_cross_entropy
from jaxseg.losses.latent import latent_kl
from jaxseg.losses.lovasz import lovasz_softmax
from jaxseg.losses.ohem import ohem_cross_entropy, top_k_cross_entropy
from jaxseg.losses.presence import presence_cross_entropy
from jaxseg.losses.reduction import Term
from jaxseg.losses.region import dice, jaccard, tversky

LOSSES: dict[str, Callable] = {
    "cross_entropy": cross_entropy,
    "ohem_cross_entropy": ohem_cross_entropy,
    "top_k_cross_entropy": top_k_cross_entropy,
    "focal": focal,
    "dice": dice,
    "jaccard": jaccard,
    "tversky": tversky,
    "lovasz_softmax": lovasz_softmax,
    "boundary": boundary,
    "affinity": affinity,
    "dual_task": dual_task,
    "edge_attention": edge_attention,
    "image_weighted_cross_entropy": image_weighted_cross_entropy,
}
FROM_OUTPUTS = {"size_weights": "affinity", "edge": "edge"}  # argument -> output

Terms = dict[str, Term]
LossFn = Callable[[Mapping[str, Any], Mapping[str, Any]], Terms]


@dataclasses.dataclass(frozen=True)
class Objective:
    """`loss_fn(outputs, batch)` of a configuration, see `build`.

    Attributes:
      terms: the function.
      whole_batch: names of its losses that are no sums over examples.
    """

    terms: LossFn
    whole_batch: tuple[str, ...]

    def __call__(self, outputs: Mapping[str, Any], batch: Mapping[str, Any]) -> Terms:
        """{name: (value, weight, coefficient)}."""
        return self.terms(outputs, batch)

    def additive(self, outputs: Mapping[str, Any]) -> bool:
        """Are all terms of these outputs sums over examples, part by part?

        The edge loss is not: it balances over the batch.
        """
        return not self.whole_batch and "edge" not in outputs


def build(
    config: LossConfig,
    *,
    class_pixels: Sequence[float] | None = None,
    void: int = 255,
    axis_name: str | None = None,
) -> Objective:
    """The objective: outputs, batch -> {name: (value, weight, coefficient)}.

    The terms are `config.name` with coefficient 1, those of `config.extra`, cross
    entropy times `aux_weight` for each output named aux..., the edge loss times
    `edge_weight` for an output named edge, the presence loss times `presence_weight`
    for one named extra_presence, and the divergence of a latent times `kl_weight` for
    one named extra_kl. `batch` holds "label" and, for annealed losses, "step". An
    output "affinity" is that loss's `size_weights`.

    Args:
      class_pixels: labelled pixels per class; needed for median-frequency weights.
      axis_name: pmap's axis; losses with sums over the batch then sum over it.

    Raises:
      ValueError: on an unknown loss or option, or class weights without counts.
    """
    weights = _class_weights(config, class_pixels)
    shared = {"void": void, "class_weights": weights, "axis_name": axis_name}
    names = [(config.name, 1.0), *config.extra]
    if unused := set(config.options) - {name for name, _ in names}:
        raise ValueError(f"options name {sorted(unused)}; the losses are {names}")
    if weights is not None and not any(
        "class_weights" in _options(name) for name, _ in names
    ):
        raise ValueError(
            f"class_weights is {config.class_weights!r}, but none of {names} has them"
        )
    parts = [
        (name, coefficient, _bind(name, shared, config.options.get(name, {})))
        for name, coefficient in names
    ]
    aux = functools.partial(cross_entropy, void=void, class_weights=weights)
    edge = functools.partial(
        edge_cross_entropy, void=void, radius=config.edge_radius, axis_name=axis_name
    )

    def loss_fn(outputs, batch):
        label, terms = batch["label"], {}
        for name, coefficient, part in parts:
            given = _given(name, outputs, batch)
            terms[name] = (*part(outputs["logits"], label, **given), coefficient)
        for key in sorted(key for key in outputs if key.startswith("aux")):
            terms[key] = (*aux(outputs[key], label), config.aux_weight)
        if "edge" in outputs:
            terms["edge"] = (*edge(outputs["edge"], label), config.edge_weight)
        if "extra_presence" in outputs:
            seen = presence_cross_entropy(outputs["extra_presence"], label, void=void)
            terms["presence"] = (*seen, config.presence_weight)
        if "extra_kl" in outputs:
            spread = latent_kl(outputs["extra_kl"], label, void=void)
            terms["kl"] = (*spread, config.kl_weight)
        return terms

    whole = [name for name, _ in names if _couples(name, config.options.get(name, {}))]
    return Objective(loss_fn, tuple(whole))


def _couples(name, options):
    """Does what one example loses depend on the rest of the batch?

    What sums or ranks over the batch takes the axis to do so over all devices; Gumbel
    noise is drawn for the batch as a whole.
    """
    if name == "dual_task":
        return options.get("gumbel", True)
    defaults = inspect.signature(LOSSES[name]).parameters
    if "per_image" in defaults:
        return not options.get("per_image", defaults["per_image"].default)
    return "axis_name" in defaults


def _options(name: str) -> tuple[str, ...]:
    """Names of a loss's keyword-only arguments."""
    if name not in LOSSES:
        raise ValueError(f"loss {name!r} is unknown; allowed: {sorted(LOSSES)}")
    parameters = inspect.signature(LOSSES[name]).parameters.values()
    return tuple(p.name for p in parameters if p.kind is p.KEYWORD_ONLY)


def _given(name, outputs, batch):
    """What a loss takes beside logits and label: the step, other outputs."""
    options = _options(name)
    given = {"step": batch["step"]} if "step" in options else {}
    for option, output in FROM_OUTPUTS.items():
        if option in options and output in outputs:
            given[option] = outputs[output]
    if name == "edge_attention" and "edge" not in given:
        raise ValueError(
            f"loss {name!r} needs a network with an output 'edge'; this one has "
            f"{sorted(outputs)}"
        )
    return given


def _bind(name, shared, options):
    """The loss with the options it takes; ValueError on one that it does not."""
    given = ("step", *FROM_OUTPUTS)  # by the step, not by the configuration
    own = [key for key in _options(name) if key not in (*shared, *given)]
    if unknown := set(options) - set(own):
        raise ValueError(f"{name} has no option {sorted(unknown)}; allowed: {own}")
    fixed = {key: value for key, value in shared.items() if key in _options(name)}
    return functools.partial(LOSSES[name], **fixed, **options)


def _class_weights(config, class_pixels):
    if config.class_weights == "none":
        return None
    if config.class_weights != "median_frequency":
        raise ValueError(
            f"class_weights is {config.class_weights!r}; allowed: 'none', "
            "'median_frequency'"
        )
    if class_pixels is None:
        raise ValueError("class_weights 'median_frequency' needs class_pixels")
    return tuple(median_frequency(class_pixels).tolist())
