"""Builds the loss function `loss_fn(outputs, batch)` of a `LossConfig`."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from jaxseg.config import LossConfig
from jaxseg.losses._cross_entropy import cross_entropy
from jaxseg.losses.class_weights import median_frequency
from jaxseg.losses.edge import edge_cross_entropy
from jaxseg.losses.latent import latent_kl
from jaxseg.losses.presence import presence_cross_entropy
from jaxseg.losses.reduction import Term
from jaxseg.losses.table import LOSSES, TAKES, Loss

Terms = dict[str, Term]
LossFn = Callable[[Mapping[str, Any], Mapping[str, Any]], Terms]
# Maps an argument of a loss to the output of the network that it receives.
_FROM_OUTPUTS = {"size_weights": "affinity", "edge": "edge"}


@dataclasses.dataclass(frozen=True)
class Objective:
    """Computes the loss of a configuration: `objective(outputs, batch) -> terms`.

    Attributes:
      terms: Maps outputs and batch to {name: (value, weight, coefficient)}: the loss
        of each pixel, the weight of each pixel in the mean over the global batch, and
        the factor of that mean in the total loss.
      coupled: The names of the losses that couple the examples of a batch.
    """

    terms: LossFn
    coupled: tuple[str, ...]

    def __call__(self, outputs: Mapping[str, Any], batch: Mapping[str, Any]) -> Terms:
        """Returns {name: (value, weight, coefficient)}."""
        return self.terms(outputs, batch)

    def additive(self, outputs: Mapping[str, Any]) -> bool:
        """Returns whether the loss of each example is independent of the other
        examples.

        Gradient accumulation can then sum the losses of the micro-batches. The edge
        loss is not independent, because its weights depend on the number of edge pixels
        in the whole batch.
        """
        return not self.coupled and "edge" not in outputs


def build_objective(
    config: LossConfig | str,
    *,
    class_pixels: Sequence[float] | None = None,
    void: int = 255,
    axis_name: str | None = None,
) -> Objective:
    """Builds the objective of a configuration.

    The objective has these terms:

    - `config.name` with coefficient 1, and the losses of `config.additional`;
    - cross entropy with coefficient `aux_weight` for each output whose name starts
      with "aux";
    - the edge loss with `edge_weight` for an output "edge";
    - the presence loss with `presence_weight` for an output "extra_presence";
    - the divergence of a latent variable with `kl_weight` for an output "extra_kl".

    The batch holds "label" and, for losses that take it, "step".

    Args:
      config: The losses, their coefficients and their options, or the name of one
        loss.
      class_pixels: Number of labeled pixels of each class, [K]. Weights by median
        frequency need it.
      void: The ignore index.
      axis_name: The axis of pmap. Losses that sum over the batch then sum over all
        devices.

    Raises:
      ValueError: If the loss or an option is unknown, class weights have no counts, or
        a loss under pmap couples examples but cannot sum over devices.
    """
    config = LossConfig(config) if isinstance(config, str) else config
    weights = _class_weights(config, class_pixels)
    names = [(config.name, 1.0), *config.additional]
    _check_names(config, names, weights)
    shared = {"class_weights": weights, "axis_name": axis_name}
    parts = [
        (name, coefficient, _bind(name, config.options.get(name, {}), void, shared))
        for name, coefficient in names
    ]
    coupled = tuple(
        name for name, _ in names if LOSSES[name].couples(config.options.get(name, {}))
    )
    if axis_name is not None:
        _check_sums_over_devices(coupled)
    further = _terms_of_outputs(config, weights, void=void, axis_name=axis_name)

    def loss_fn(outputs, batch):
        label, terms = batch["label"], {}
        for name, coefficient, function in parts:
            inputs = _inputs(name, outputs, batch)
            terms[name] = (*function(outputs["logits"], label, **inputs), coefficient)
        return terms | further(outputs, label)

    return Objective(loss_fn, coupled)


def option_names(loss: Loss) -> tuple[str, ...]:
    """Returns the names of the options that a configuration can set for a loss."""
    parameters = inspect.signature(loss.function).parameters.values()
    names = (p.name for p in parameters if p.kind is p.KEYWORD_ONLY)
    return tuple(name for name in names if name not in ("void", *TAKES))


def _terms_of_outputs(config, weights, *, void, axis_name):
    """Returns a function that makes the terms of all outputs except the logits."""
    aux = functools.partial(cross_entropy, void=void, class_weights=weights)
    edge = functools.partial(
        edge_cross_entropy, void=void, radius=config.edge_radius, axis_name=axis_name
    )
    presence = functools.partial(presence_cross_entropy, void=void)
    divergence = functools.partial(latent_kl, void=void)
    named = (  # The output, the name of its term, the loss and the coefficient.
        ("edge", "edge", edge, config.edge_weight),
        ("extra_presence", "presence", presence, config.presence_weight),
        ("extra_kl", "kl", divergence, config.kl_weight),
    )

    def further(outputs, label):
        terms = {
            key: (*aux(outputs[key], label), config.aux_weight)
            for key in sorted(outputs)
            if key.startswith("aux")
        }
        for output, term, function, coefficient in named:
            if output in outputs:
                terms[term] = (*function(outputs[output], label), coefficient)
        return terms

    return further


def _inputs(name, outputs, batch):
    """Returns what a loss takes from the step: its number and network outputs."""
    loss = LOSSES[name]
    inputs = {"step": batch["step"]} if "step" in loss.takes else {}
    for argument, output in _FROM_OUTPUTS.items():
        if argument in loss.takes and output in outputs:
            inputs[argument] = outputs[output]
    for argument in loss.requires:
        if argument not in inputs:
            raise ValueError(
                f"loss.name={name!r} is invalid: expected a network with an output "
                f"{argument!r}; this one has {', '.join(sorted(outputs))}."
            )
    return inputs


def _bind(name, options, void, shared):
    """Returns the loss with its options and with what all losses share."""
    loss = LOSSES[name]
    allowed = option_names(loss)
    if unknown := sorted(set(options) - set(allowed)):
        raise ValueError(
            f"loss.options.{name}={unknown} is invalid: expected options out of "
            f"{', '.join(allowed) or 'none'}."
        )
    fixed = {key: value for key, value in shared.items() if key in loss.takes}
    return functools.partial(loss.function, void=void, **fixed, **options)


def _check_names(config, names, weights):
    for name, _ in names:
        if name not in LOSSES:
            raise ValueError(
                f"loss.name={name!r} is invalid: expected one of "
                f"{', '.join(sorted(LOSSES))}."
            )
    used = [name for name, _ in names]
    if unused := sorted(set(config.options) - set(used)):
        raise ValueError(
            f"loss.options={unused} is invalid: expected options of the losses in use, "
            f"{', '.join(used)}."
        )
    if weights is not None and not any(
        "class_weights" in LOSSES[name].takes for name in used
    ):
        raise ValueError(
            f"loss.class_weights={config.class_weights!r} is invalid: expected 'none', "
            f"because {', '.join(used)} takes no class weights."
        )


def _check_sums_over_devices(coupled):
    for name in coupled:
        loss = LOSSES[name]
        if "axis_name" not in loss.takes and not loss.random:
            raise ValueError(
                f"loss.name={name!r} is invalid under pmap: expected a loss that can "
                "sum over the devices (takes='axis_name'). Use "
                "train.parallel_backend='jit'."
            )


def _class_weights(config, class_pixels):
    if config.class_weights == "none":
        return None
    if config.class_weights != "median_frequency":
        raise ValueError(
            f"loss.class_weights={config.class_weights!r} is invalid: expected 'none' "
            "or 'median_frequency'."
        )
    if class_pixels is None:
        raise ValueError(
            "class_pixels=None is invalid: expected the number of labeled pixels of "
            "each class, which class weights by median frequency are made from."
        )
    return tuple(median_frequency(class_pixels).tolist())
