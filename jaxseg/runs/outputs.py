"""Determines how many logits a network has for the classes of a dataset."""

from __future__ import annotations

import dataclasses

from jaxseg.config import Config
from jaxseg.data import DatasetSpec
from jaxseg.ops.output_form import OutputForm, form_of


def num_logits(config: Config, spec: DatasetSpec) -> int:
    """Returns how many logits per pixel the network of a configuration has.

    A network with a softmax has one logit for each class. A network with sigmoids has
    one logit for each class if classes can overlap. Otherwise it has a single logit,
    which separates an object from the background.

    Args:
      config: The configuration.
      spec: The classes of the dataset.

    Raises:
      ValueError: If `model.output` does not suit the classes.
    """
    output = config.model.output
    if spec.multilabel and output == "softmax":
        raise ValueError(
            "model.output='softmax' is invalid: expected 'sigmoid', because the "
            f"classes of dataset {spec.name!r} can overlap. Pass --model.output "
            "sigmoid."
        )
    if output == "softmax" or spec.multilabel:
        return spec.num_classes
    if spec.num_classes != 2:
        raise ValueError(
            "model.output='sigmoid' is invalid: expected 'softmax', because the "
            f"{spec.num_classes} classes of dataset {spec.name!r} exclude each other. "
            "Pass --model.output softmax, or, if the classes can overlap, pass "
            "--data.name multilabel_folder."
        )
    return 1


def output_form(config: Config, spec: DatasetSpec) -> OutputForm:
    """Returns the `OutputForm` that converts logits to probabilities and labels.

    Args:
      config: The configuration.
      spec: The classes of the dataset, and the probability above which a class counts
        as present.

    Raises:
      ValueError: If `model.output` does not suit the classes.
    """
    return form_of(num_logits(config, spec), spec)


def with_threshold(
    config: Config, spec: DatasetSpec, threshold: float | None
) -> DatasetSpec:
    """Returns a dataset specification with the threshold for predictions.

    A class counts as present at a pixel if its probability is above the threshold.

    Args:
      config: The configuration of the run.
      spec: The classes of the dataset.
      threshold: The probability, or None to keep the threshold of `spec`.

    Returns:
      The dataset specification with the threshold.

    Raises:
      ValueError: If the network has a softmax, which has no threshold.
    """
    if threshold is None:
        return spec
    if config.model.output == "softmax":
        raise ValueError(
            f"threshold={threshold} is invalid: expected none, because the network was "
            "trained with model.output='softmax', which takes the most probable class. "
            "Leave the threshold out."
        )
    return dataclasses.replace(spec, threshold=threshold)
