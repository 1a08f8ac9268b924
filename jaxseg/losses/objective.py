"""Builds the loss function `loss_fn(outputs, batch)` of a `LossConfig`."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from jaxseg.config import LossConfig
from jaxseg.losses._merged import Merged
from jaxseg.losses.class_weights import median_frequency
from jaxseg.losses.family import family_of, positive_weights
from jaxseg.losses.record import FROM_OUTPUTS, TAKES, Loss, OutputLoss
from jaxseg.losses.reduction import Term
from jaxseg.losses.table import LOSSES
from jaxseg.ops.output_form import SOFTMAX, OutputForm
from jaxseg.text import one_of

Terms = dict[str, Term]
LossFn = Callable[[Mapping[str, Any], Mapping[str, Any]], Terms]
# Exponents of the median-frequency weights by the name of `LossConfig.class_weights`.
_POWERS = {"median_frequency": 1.0, "sqrt_median_frequency": 0.5}


@dataclasses.dataclass(frozen=True)
class Objective:
    """Computes the terms of the loss that a configuration describes.

    Attributes:
      terms: Maps outputs and batch to {name: (value, weight, coefficient)}. The value
        is the loss of each pixel, and the weight is the weight of each pixel in the
        mean over the global batch. The total loss is the sum of coefficient * mean.
      coupled: The names of the coupled losses of the logits. A loss is coupled if the
        loss of one example depends on the other examples of the batch.
      coupled_outputs: The coupled losses of other outputs. Such a loss counts only if
        the network has the output.
    """

    terms: LossFn
    coupled: tuple[str, ...]
    coupled_outputs: tuple[OutputLoss, ...] = ()

    def __call__(self, outputs: Mapping[str, Any], batch: Mapping[str, Any]) -> Terms:
        """Returns {name: (value, weight, coefficient)}."""
        return self.terms(outputs, batch)

    def additive(self, outputs: Mapping[str, Any]) -> bool:
        """Returns whether the loss of each example is independent of other examples.

        Gradient accumulation can then sum the losses of the micro-batches.

        Args:
          outputs: A dictionary of the outputs of the network. Only its keys are read.
        """
        coupled = any(record.found_in(outputs) for record in self.coupled_outputs)
        return not self.coupled and not coupled


def build_objective(
    config: LossConfig | str,
    *,
    class_pixels: Sequence[float] | None = None,
    void: int = 255,
    axis_name: str | None = None,
    merged: Merged = (),
    form: OutputForm = SOFTMAX,
) -> Objective:
    """Builds the loss function that a configuration describes.

    The objective has these terms:

    - `config.name` with coefficient 1, and the losses of `config.additional`;
    - for each output of the network in the table `OUTPUT_LOSSES`, its loss in this
      table. For example, all outputs whose names start with "aux" have the cross
      entropy with coefficient `aux_weight`.

    Sigmoid outputs use the tables `SIGMOID_LOSSES` and `SIGMOID_OUTPUT_LOSSES`. The
    batch contains "label", for multi-label tasks "valid", and for some losses "step".

    Args:
      config: The losses, their coefficients and their options, or the name of one loss.
      class_pixels: Number of labeled pixels of each class, [K]. It is needed for class
        weights.
      void: The ignore index.
      axis_name: The axis of pmap. Losses that sum over the batch then sum over all
        devices.
      merged: For each label K + g that stands for any of several classes, the indices
        of these classes, see `cross_entropy`.
      form: Whether the network has softmax or sigmoid outputs, and for which task.

    Raises:
      ValueError: If the loss or an option is unknown, class weights are requested
        without `class_pixels`, a loss does not take `merged` labels, or a loss under
        pmap couples examples but cannot sum over devices.
    """
    config = LossConfig(config) if isinstance(config, str) else config
    family, weights = family_of(form, void), _class_weights(config, class_pixels)
    names = [(config.name, 1.0), *config.additional]
    _check_names(config, names, weights, merged=merged, losses=family.losses)
    shared = {"class_weights": weights, "axis_name": axis_name, "merged": merged}
    shared["positive_weights"] = positive_weights(weights, form)
    parts = [
        (name, coefficient, _bind(family, name, config.options.get(name, {}), shared))
        for name, coefficient in names
    ]
    coupled = _coupled(family, config, names, axis_name)
    output_terms = _terms_of_outputs(family, config, shared)

    def loss_fn(outputs, batch):
        targets, terms = family.targets(batch), {}
        for name, coefficient, function in parts:
            inputs = _inputs(name, family.losses[name], outputs, batch)
            pair = function(outputs["logits"], *targets, **inputs)
            terms[name] = (*pair, coefficient)
        return terms | output_terms(outputs, batch)

    return Objective(loss_fn, coupled, _coupled_outputs(family, config))


def option_names(loss: Loss) -> tuple[str, ...]:
    """Returns the names of the options that a configuration can set for a loss."""
    parameters = inspect.signature(loss.function).parameters.values()
    names = (p.name for p in parameters if p.kind is p.KEYWORD_ONLY)
    return tuple(name for name in names if name not in ("void", *TAKES))


def _coupled(family, config, names, axis_name):
    """Returns the names of coupled losses, which must sum over the devices of pmap."""
    coupled = tuple(
        name
        for name, _ in names
        if family.losses[name].couples(config.options.get(name, {}))
    )
    if axis_name is not None:
        for name in coupled:
            _check_sums_over_devices(f"loss.name={name!r}", family.losses[name])
    return coupled


def _coupled_outputs(family, config):
    return tuple(
        record
        for record in family.outputs.values()
        if record.loss.couples(record.settings(config))
    )


def _terms_of_outputs(family, config, shared):
    """Returns a function that makes the terms of all outputs except the logits."""
    functions, coupled = {}, _coupled_outputs(family, config)
    starts = tuple(record.output.rstrip("*") for record in family.outputs.values())
    for name, record in family.outputs.items():
        fixed = {key: shared[key] for key in record.loss.takes if key in shared}
        functions[name] = functools.partial(
            record.loss.function, **family.fixed, **fixed, **record.settings(config)
        )

    def terms_of(outputs, batch):
        targets, terms = family.targets(batch), {}
        unscored = [name for name in outputs if not name.startswith(starts)]
        if not family.fixed and set(unscored) - {"logits"}:
            raise ValueError(
                "model.output='sigmoid' is invalid: expected 'softmax' for a network "
                f"with the outputs {', '.join(sorted(outputs))}."
            )
        for name, record in family.outputs.items():
            inputs = _from_step(record.loss, batch)
            for output in record.found_in(outputs):
                if shared["merged"]:
                    _check_merged(f"The network's output {output!r}", record.loss)
                if shared["axis_name"] and record in coupled:
                    where = f"The loss of the network's output {output!r}"
                    _check_sums_over_devices(where, record.loss)
                pair = functions[name](outputs[output], *targets, **inputs)
                term = output if record.output.endswith("*") else name
                terms[term] = (*pair, record.factor(config))
        return terms

    return terms_of


def _from_step(loss, batch):
    """Returns the training step, if the loss takes it."""
    return {"step": batch["step"]} if "step" in loss.takes else {}


def _inputs(name, loss, outputs, batch):
    """Returns what a loss takes from the step: its number and network outputs."""
    inputs = _from_step(loss, batch)
    for argument, output in FROM_OUTPUTS.items():
        if argument in loss.takes and output in outputs:
            inputs[argument] = outputs[output]
    for argument in loss.requires:
        if argument not in inputs:
            raise ValueError(
                f"loss.name={name!r} is invalid: expected a network with an output "
                f"{FROM_OUTPUTS[argument]!r}; this one has "
                f"{', '.join(sorted(outputs))}."
            )
    return inputs


def _bind(family, name, options, shared):
    """Returns the loss with its options and with what all losses share."""
    loss = family.losses[name]
    allowed = option_names(loss)
    if unknown := sorted(set(options) - set(allowed)):
        raise ValueError(
            f"loss.options.{name}={unknown} is invalid: expected only the options of "
            f"this loss: {', '.join(allowed) or 'none'}."
        )
    fixed = {key: value for key, value in shared.items() if key in loss.takes}
    return functools.partial(loss.function, **family.fixed, **fixed, **options)


def _check_names(config, names, weights, *, merged, losses):
    for name, _ in names:
        if name not in losses:
            raise ValueError(
                f"loss.name={name!r} is invalid{one_of(name, sorted(losses))}"
            )
        if merged:
            _check_merged(f"loss.name={name!r}", losses[name])
    used = [name for name, _ in names]
    if unused := sorted(set(config.options) - set(used)):
        raise ValueError(
            f"loss.options={unused} is invalid: expected only options of the losses "
            f"that the configuration uses: {', '.join(used)}."
        )
    if weights is not None and not any(
        {"class_weights", "positive_weights"} & set(losses[name].takes) for name in used
    ):
        raise ValueError(
            f"loss.class_weights={config.class_weights!r} is invalid: expected 'none', "
            f"because {', '.join(used)} takes no class weights."
        )


def _check_merged(where, loss):
    if "merged" not in loss.takes:
        takers = ", ".join(
            name for name, one in LOSSES.items() if "merged" in one.takes
        )
        raise ValueError(
            f"{where} is invalid with labels that merge several classes: expected "
            f"{takers}. Only these losses support such labels."
        )


def _check_sums_over_devices(where, loss):
    if "axis_name" not in loss.takes and not loss.random:
        raise ValueError(
            f"{where} is invalid under pmap: expected a loss that can sum over the "
            "devices (its function takes axis_name). Use another loss, or set "
            "train.parallel_backend='jit'."
        )


def _class_weights(config, class_pixels):
    if config.class_weights == "none":
        return None
    if config.class_weights not in _POWERS:
        raise ValueError(
            f"loss.class_weights={config.class_weights!r} is invalid: expected 'none' "
            f"or one of {tuple(_POWERS)}."
        )
    if class_pixels is None:
        raise ValueError(
            "class_pixels=None is invalid: expected the number of labeled pixels of "
            "each class, from which class weights by median frequency are computed."
        )
    weights = median_frequency(class_pixels) ** _POWERS[config.class_weights]
    return tuple(weights.tolist())
