"""Trains and evaluates networks on several datasets together."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np
from flax import linen as nn

from jaxseg.config import Config, DataConfig
from jaxseg.data import DatasetSpec, Source, eval_batches, open_source, train_batches
from jaxseg.data.mix.batches import mixed_eval_batches, mixed_train_batches
from jaxseg.data.mix.opening import MixedSource, open_mixed
from jaxseg.data.spec import WIDE_VOID
from jaxseg.inference.dataset_view import member_spec, scored_classes
from jaxseg.inference.image_network import ImageNetwork
from jaxseg.tasks import overlays
from jaxseg.training.devices.placement import HostBatch
from jaxseg.training.step import steps
from jaxseg.training.step.datasets import translated

Images = Source | MixedSource


def open_images(
    config: DataConfig, split: str, *, trained: DatasetSpec | None = None
) -> Images:
    """Opens a split of one dataset, or of all datasets of `data.mix`.

    Args:
      config: The data options of the run.
      split: A split, or a slice such as "train[90%:]".
      trained: The specification of the training data. Its normalization is used. By
        default, the opened data determine the normalization.

    Raises:
      ValueError: If a dataset cannot be opened.
    """
    opened = open_mixed if config.mix else open_source
    return opened(config, split, trained=trained)


def train_stream(
    source: Images, config: DataConfig, **options: Any
) -> Iterator[HostBatch]:
    """Yields training batches of one dataset, or of all datasets of `data.mix`.

    Args:
      source: The training examples.
      config: The data options of the run.
      **options: Keyword arguments of `train_batches` for one dataset, and of
        `mixed_train_batches` for several.
    """
    stream = mixed_train_batches if config.mix else train_batches
    return stream(source, config, **options)


def eval_stream(source: Images, **options: Any) -> Iterator[HostBatch]:
    """Yields batches of all examples of one dataset or of several, each example once.

    Args:
      source: The examples.
      **options: Keyword arguments of `eval_batches` for one dataset, and of
        `mixed_eval_batches` for several.
    """
    mixed = isinstance(source, MixedSource)
    return (mixed_eval_batches if mixed else eval_batches)(source, **options)


def translating(prepare: Callable, spec: DatasetSpec) -> Callable:
    """Returns a function that prepares batches and then converts their labels.

    Each dataset has its own class indices. They are converted to indices into the
    classes of all datasets together.

    Args:
      prepare: The function that augments and normalizes a batch.
      spec: The specification of the datasets. For a single dataset, the result is
        `prepare` itself.
    """
    if spec.union is None:
        return prepare
    table, void = spec.union.label_table, spec.void
    return lambda batch: translated(prepare(batch), table, void=void, new_void=void)


def make_eval_step(
    config: Config, model: nn.Module, spec: DatasetSpec
) -> functools.partial:
    """Returns the evaluation step, a function that computes a confusion matrix.

    The step takes the variables and a batch. For each image, it predicts classes of the
    dataset that contains the image. The matrix has a row and a column for every scored
    class of every dataset.
    """
    network = ImageNetwork(model, spec, scale=config.data.eval_scale)
    union = spec.union

    def predict(variables, batch):
        logits = network.logits(variables, batch["image"])
        return scored_classes(jax.nn.softmax(logits), batch["dataset"], union)

    return functools.partial(
        _eval_step, predict=predict, table=union.score_table, void=spec.void
    )


def _eval_step(variables, batch, *, predict, table, void, axis_name=None, keep=False):
    # The numbers of all datasets together can exceed 255.
    batch = translated(batch, table, void=void, new_void=WIDE_VOID)
    return steps.eval_step(
        variables,
        batch,
        predict=predict,
        num_classes=num_scored(table),
        void=WIDE_VOID,
        axis_name=axis_name,
        keep=keep,
    )


def num_scored(table: np.ndarray) -> int:
    """Returns the total number of classes that are scored, over all datasets.

    Args:
      table: The array `Union.score_table`. It converts the label of a dataset to an
        index into the scored classes of all datasets.
    """
    return int(table.max()) + 1


def picture_writer(
    config: Config, workdir: Path, model: nn.Module, source: MixedSource
) -> Callable[[int, Any], None] | None:
    """Returns a function that draws the predictions for images of each dataset.

    The function takes the number of the training step and the variables. It draws each
    image in the classes of its dataset. Instead of the function, None is returned if
    `train.num_overlays` is 0, and on all processes other than the first.
    """
    spec, scale, count = source.spec, config.data.eval_scale, config.train.num_overlays
    writers = []
    for k, member in enumerate(spec.members):
        network = ImageNetwork(model, spec, scale=scale, dataset=member.name)
        writers.append(
            overlays.writer(workdir, network, Scored(source, k), count=count)
        )
    if None in writers:
        return None

    def write(step: int, variables: Any) -> None:
        for one in writers:
            one(step, variables)

    return write


class Scored:
    """Contains the examples of one of several datasets that are trained together.

    A label contains indices into the scored classes of this dataset. Pixels of all
    other classes are void.

    Attributes:
      spec: The scored classes of the dataset.
    """

    def __init__(self, source: MixedSource, index: int) -> None:
        union = source.spec.union
        self._part = source.parts[index]
        self._start = union.blocks[index].start
        self._table = union.score_table[index]
        self._name = source.spec.members[index].name
        self.spec = member_spec(source.spec, self._name)

    def __len__(self) -> int:
        return len(self._part)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """Returns one example, in which classes that are not scored are void."""
        example = self._part[index]
        label = example["label"].astype(np.int64)
        own = label != self._part.spec.void
        numbers = self._table[np.where(own, label, 0)] - self._start
        own &= numbers >= 0
        return {
            **example,
            "label": np.where(own, numbers, self.spec.void),
            "id": f"{self._name}/{example['id']}",
        }
