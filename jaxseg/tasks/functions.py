"""Defines the functions that each task implements for training and for evaluation."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn, Protocol

import jax
from flax import linen as nn

from jaxseg.config import Config
from jaxseg.data import DatasetSpec, eval_batches, open_source, train_batches
from jaxseg.tasks.table import task_of
from jaxseg.tasks.training import Training
from jaxseg.training.devices.placement import HostBatch


class Examples(Protocol):
    """Defines the attributes and methods that all sources of labeled examples have.

    Attributes:
        spec: The classes of the dataset.
        ids: The names of the examples.
    """

    spec: DatasetSpec
    ids: tuple[str, ...]

    def __len__(self) -> int:
        """Returns the number of examples."""


def no_further_scores(config: Config, model: nn.Module, examples: Any) -> None:
    """Returns None, because the task has only the scores of the confusion matrix.

    Such a task uses this function as its `TrainingFunctions.further_scores`.
    """


def no_probabilities(config: Config, model: nn.Module, spec: DatasetSpec) -> NoReturn:
    """Raises ValueError, because the evaluation of the task has no probabilities."""
    raise ValueError(
        f"model.name={config.model.name!r} with the dataset {spec.name!r} is invalid "
        "for scores that need probabilities: expected a network that segments images "
        "of one dataset. Leave these scores out."
    )


@dataclasses.dataclass(frozen=True)
class TrainingFunctions:
    """Contains the functions of a task that `train`, `eval` and `plan` call.

    Attributes:
      build: Maps a configuration, a dataset specification and devices to a
        `jaxseg.tasks.training.Training`. If the loss weights the classes by frequency,
        the keyword `class_pixels` is the number of pixels of each class.
      make_eval_step: Maps a configuration, a network and a dataset specification to the
        evaluation step, which computes a confusion matrix.
      labels_and_probabilities: Maps the arguments of `make_eval_step` to a function of
        variables and batch, which returns the predicted labels and the probabilities.
      batch_shapes: Maps a configuration, a batch size and a dataset specification to
        the shapes of a training batch on all processes.
      overlays: Maps a configuration, a run directory, a network and examples to a
        function that writes pictures of predictions, or to None.
      further_scores: Maps a configuration, a network and examples to a function that
        computes scores other than those of the confusion matrix, or to None.
      open_source: Maps a data configuration and a split to the examples. The keyword
        `trained` is the specification whose normalization is used, or None.
      spec: Maps the specification of a dataset to the specification of the examples
        that `open_source` returns. They differ if the task normalizes images in its own
        way.
      train_batches: Yields training batches, as `jaxseg.data.train_batches` does.
      eval_batches: Yields the batches of one pass over the examples, as
        `jaxseg.data.eval_batches` does.
    """

    build: Callable[..., Training]
    make_eval_step: Callable[[Config, nn.Module, DatasetSpec], Callable]
    batch_shapes: Callable[[Config, int, DatasetSpec], dict[str, jax.ShapeDtypeStruct]]
    overlays: Callable[
        [Config, Path, nn.Module, Any], Callable[[int, Any], None] | None
    ]
    further_scores: Callable[
        [Config, nn.Module, Any], Callable[[Any], Mapping[str, float]] | None
    ] = no_further_scores
    labels_and_probabilities: Callable[[Config, nn.Module, DatasetSpec], Callable] = (
        no_probabilities
    )
    open_source: Callable[..., Examples] = open_source
    spec: Callable[[DatasetSpec], DatasetSpec] = lambda spec: spec
    train_batches: Callable[..., Iterator[HostBatch]] = train_batches
    eval_batches: Callable[..., Iterator[HostBatch]] = eval_batches


def training_of(config: Config) -> TrainingFunctions:
    """Returns the functions of the task to which a configuration's network belongs."""
    return task_of(config).training_module().TRAINING


def padding(config: Config) -> dict[str, int]:
    """Returns a dictionary with the argument of `eval_batches` that sets the padding.

    For images, it contains the argument "multiple": heights and widths are padded to
    multiples of this number. For point clouds, it is empty.
    """
    images = task_of(config).kind == "images"
    return {"multiple": config.data.eval_multiple} if images else {}
