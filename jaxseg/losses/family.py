"""Selects the losses that fit a network's output, softmax or sigmoid.

The module also creates the arguments of these losses from a batch.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax

from jaxseg.losses.record import Loss, OutputLoss
from jaxseg.losses.table import (
    LOSSES,
    OUTPUT_LOSSES,
    SIGMOID_LOSSES,
    SIGMOID_OUTPUT_LOSSES,
)
from jaxseg.ops.output_form import OutputForm

Batch = Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class LossFamily:
    """Contains the losses for softmax or for sigmoid outputs, and their arguments.

    Attributes:
      losses: A dictionary from names to the losses of the logits.
      outputs: A dictionary from names to the losses of other outputs of the network.
      targets: A function that maps a batch to the arguments that a loss takes after the
        logits, such as the labels.
      fixed: The keyword arguments that are passed to every loss.
    """

    losses: Mapping[str, Loss]
    outputs: Mapping[str, OutputLoss]
    targets: Callable[[Batch], tuple[jax.Array, ...]]
    fixed: Mapping[str, Any]


def family_of(form: OutputForm, void: int) -> LossFamily:
    """Returns the losses that fit the output of a network: softmax or sigmoid.

    Args:
      form: Whether the network has softmax or sigmoid outputs, and for which task.
      void: The ignore index. It is not used in a multi-label task, whose batches mark
        the labeled pixels in the array "valid".
    """
    if form.kind == "softmax":
        fixed = {"void": void}
        return LossFamily(LOSSES, OUTPUT_LOSSES, lambda batch: (batch["label"],), fixed)

    def targets(batch):
        if form.kind == "multilabel":
            return batch["label"], batch["valid"]
        return batch["label"][..., None], batch["label"] != void

    return LossFamily(SIGMOID_LOSSES, SIGMOID_OUTPUT_LOSSES, targets, {})


def positive_weights(
    class_weights: Sequence[float] | None, form: OutputForm
) -> tuple[float, ...] | None:
    """Returns one weight for each sigmoid logit, or None without class weights.

    Where the class of a logit is present, the loss of the logit is multiplied by this
    weight. In a binary task, the weight is the class weight of the object divided by
    that of the background. In a multi-label task, it is the class weight. For softmax
    outputs, the result is None.

    Args:
      class_weights: The weight of each class, or None.
      form: Whether the network has softmax or sigmoid outputs, and for which task.

    Raises:
      ValueError: If the background of a binary task has the weight 0.
    """
    if class_weights is None or form.kind == "softmax":
        return None
    if form.kind == "multilabel":
        return tuple(class_weights)
    background, present = class_weights
    if not background:
        raise ValueError(
            "loss.class_weights is invalid: expected 'none', because no pixel of the "
            "training split is background."
        )
    return (present / background,)
