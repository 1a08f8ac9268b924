"""From a `LossConfig` to the objective `loss_fn(outputs, batch)`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from jaxseg.config import LossConfig
from jaxseg.losses.boundary import boundary
from jaxseg.losses.class_weights import median_frequency
from jaxseg.losses.cross_entropy import cross_entropy
from jaxseg.losses.edge import edge_cross_entropy
from jaxseg.losses.focal import focal
from jaxseg.losses.lovasz import lovasz_softmax
from jaxseg.losses.ohem import ohem_cross_entropy, top_k_cross_entropy
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
}

LossFn = Callable[[Mapping[str, Any], Mapping[str, Any]], dict[str, Term]]


def build(
    config: LossConfig,
    *,
    class_pixels: Sequence[float] | None = None,
    void: int = 255,
    axis_name: str | None = None,
) -> LossFn:
    """The objective: outputs, batch -> {name: (value, weight, coefficient)}.

    The terms are `config.name` with coefficient 1, those of `config.extra`, cross
    entropy times `aux_weight` for each output named aux..., and the edge loss times
    `edge_weight` for an output named edge. `batch` holds "label" and, for annealed
    losses, "step".

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
            extra = {"step": batch["step"]} if "step" in _options(name) else {}
            terms[name] = (*part(outputs["logits"], label, **extra), coefficient)
        for key in sorted(key for key in outputs if key.startswith("aux")):
            terms[key] = (*aux(outputs[key], label), config.aux_weight)
        if "edge" in outputs:
            terms["edge"] = (*edge(outputs["edge"], label), config.edge_weight)
        return terms

    return loss_fn


def _options(name: str) -> tuple[str, ...]:
    """Names of a loss's keyword-only arguments."""
    if name not in LOSSES:
        raise ValueError(f"loss {name!r} is unknown; allowed: {sorted(LOSSES)}")
    parameters = inspect.signature(LOSSES[name]).parameters.values()
    return tuple(p.name for p in parameters if p.kind is p.KEYWORD_ONLY)


def _bind(name, shared, options):
    """The loss with the options it takes; ValueError on one that it does not."""
    own = [key for key in _options(name) if key not in (*shared, "step")]
    if unknown := set(options) - set(own):
        raise ValueError(f"{name} has no option {sorted(unknown)}; allowed: {own}")
    given = {key: value for key, value in shared.items() if key in _options(name)}
    return functools.partial(LOSSES[name], **given, **options)


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
