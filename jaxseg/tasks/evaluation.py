"""Evaluates a trained network on a split of any dataset with the classes of the run."""

from __future__ import annotations

import dataclasses
import functools
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import jax
import numpy as np
from flax import linen as nn

from jaxseg.config import Config
from jaxseg.config.stored_code import require_named
from jaxseg.data import DatasetSpec
from jaxseg.metrics import ConfusionTotal
from jaxseg.metrics.overlapping import states
from jaxseg.runs import memory
from jaxseg.runs.classes import check_classes
from jaxseg.tasks.functions import Examples, padding, training_of
from jaxseg.tasks.scoring import matrix_classes, matrix_void, scoring
from jaxseg.tasks.size_notes import sizes_note
from jaxseg.training.devices import selection
from jaxseg.training.devices.placement import HostBatch
from jaxseg.training.devices.runner import StepRunner
from jaxseg.training.devices.void_rows import FILL
from jaxseg.training.run import evaluate
from jaxseg.training.run.observation import Observation, Observer

logger = logging.getLogger(__name__)
Space = int | tuple[int, int]
Progress = Callable[[int], Callable[[int], None]]


def silent(total: int) -> Callable[[int], None]:
    """Shows no progress; it serves as the argument `progress` of `evaluate_network`."""
    return lambda count: None


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """Contains the result of an evaluation.

    Attributes:
      split: The split that was evaluated.
      num_examples: The number of examples.
      total: The confusion matrix over all examples.
      further: A dictionary from score names to those scores that are not computed from
        the confusion matrix.
      spec: The dataset specification, whose classes are the rows of the matrix.
      results: For each observer, its results for all examples in dataset order.
    """

    split: str
    num_examples: int
    total: ConfusionTotal
    further: Mapping[str, float]
    spec: DatasetSpec
    results: Sequence[Sequence[Any]] = ()

    @property
    def scores(self) -> dict[str, Any]:
        """Returns a dictionary from the name of each score to its value.

        A value is a number, or an array [K] with one number for each class. If several
        datasets were trained together, the names of the scores of one dataset start
        with its name, as in "streets/mean_iou".
        """
        return {**scoring(self.spec)(self.total.matrix), **self.further}


def evaluate_network(
    config: Config,
    spec: DatasetSpec,
    model: nn.Module,
    variables: Any,
    *,
    split: str | None = None,
    batch_size: int = 8,
    chosen: list[jax.Device] | None = None,
    space: Space = 1,
    observers: Sequence[Observer] = (),
    network: Any | None = None,
    progress: Progress = silent,
) -> Evaluation:
    """Evaluates a network on a split of the dataset that a configuration selects.

    Args:
      config: The configuration of the run.
      spec: The classes that the network was trained on.
      model: The network.
      variables: Its parameters and statistics.
      split: The split, or a slice such as "train[90%:]". The default is
        `data.eval_split`.
      batch_size: The number of images per step over all devices.
      chosen: The devices to use. By default all devices are used.
      space: The number of devices over which the rows of an image are sharded, or two
        numbers: for its rows and for its columns.
      observers: Objects that receive every example with its prediction, see
        `jaxseg.training.run.observation`.
      network: An `ImageNetwork` or `AveragedNetwork` that predicts instead of `model`,
        or None. If it is given, `variables` must be the variables that it takes.
      progress: A function that takes the number of examples of this process and returns
        a second function, which is called with the size of each evaluated batch.

    Raises:
      ValueError: If the split is unknown, the dataset has other classes, a batch does
        not fit into memory, or the task has no probabilities that an observer needs.
    """
    task = training_of(config)
    split = split or config.data.eval_split
    chosen = selection.choose() if chosen is None else chosen
    source, spec = _open(task, config, spec, split)
    if hasattr(source, "sizes"):  # images, not clouds
        _check_memory(config, spec, source.sizes, batch_size, chosen)
        _check_space(config, source.sizes, space)
    options = {"batch_size": batch_size, "chosen": chosen, "space": space}
    options |= {"observers": observers, "network": network, "progress": progress}
    total, results = observe(
        config, spec=spec, model=model, variables=variables, source=source, **options
    )
    scorer = task.further_scores(config, model, source)
    further = {} if scorer is None else scorer(variables)
    return Evaluation(
        split,
        num_examples=len(source),
        total=total,
        further=further,
        spec=spec,
        results=results,
    )


def _open(task, config, spec, split) -> tuple[Examples, DatasetSpec]:
    """Opens a split, whose classes may be the union of those that were trained."""
    require_named(config.data)
    source = task.open_source(config.data, split, trained=spec)
    check_classes(source.spec, spec)
    if not source.spec.members:  # One dataset with the classes of the union.
        spec = dataclasses.replace(spec, members=())
    # Padding has the mean color that the network was trained with.
    source.spec = source.spec.normalized_as(spec)
    return source, spec


def _check_space(config, sizes, space) -> None:
    multiple = config.data.eval_multiple
    selection.check_eval_sizes("space", space, sizes, multiple)
    if note := sizes_note(sizes, multiple):
        logger.warning(note)


def _check_memory(config, spec, sizes, batch_size, devices) -> None:
    batch, planes = ("batch_size", batch_size), spec.channels + spec.num_classes
    memory.check_evaluation(
        config, sizes=sizes, planes=planes, devices=devices, batch=batch
    )


def count(
    config: Config,
    spec: DatasetSpec,
    model: nn.Module,
    variables: Any,
    source: Examples,
    *,
    batch_size: int,
    chosen: list[jax.Device],
    space: Space = 1,
) -> ConfusionTotal:
    """Returns the confusion matrix of a network over all examples of a source.

    The matrix contains integer counts, so no rounding depends on the batch size or the
    number of devices.

    Args:
      config: The configuration of the run.
      spec: The classes that the network was trained on.
      model: The network.
      variables: Its parameters and statistics.
      source: The examples.
      batch_size: The number of images per step over all devices.
      chosen: The devices to use.
      space: The number of devices over which the rows of an image are sharded, or two
        numbers: for its rows and for its columns.
    """
    options = {"batch_size": batch_size, "chosen": chosen, "space": space}
    total, _ = observe(
        config, spec=spec, model=model, variables=variables, source=source, **options
    )
    return total


def observe(
    config: Config,
    spec: DatasetSpec,
    model: nn.Module,
    variables: Any,
    source: Examples,
    *,
    batch_size: int,
    chosen: list[jax.Device],
    space: Space = 1,
    observers: Sequence[Observer] = (),
    network: Any | None = None,
    progress: Progress = silent,
) -> tuple[ConfusionTotal, list[list[Any]]]:
    """Returns the confusion matrix of a network and the results of observers.

    Args:
      config, spec, model, variables, source, batch_size, chosen, space: The arguments
        of `count` in this module.
      observers: Objects that compute a result from each example and its prediction.
      network: The network that predicts instead of `model`, or None.
      progress: A function that takes the number of examples of this process and returns
        a second function, which is called with the size of each evaluated batch.

    Returns:
      A pair: the matrix, and a list that contains, for each observer, its results for
      all examples in dataset order.
    """
    task = training_of(config)
    runner = StepRunner(
        None,
        _eval_step(task, config, model, spec, observers, network),
        kind="jit",
        devices=chosen,
        space=space,
    )
    batches = task.eval_batches(
        source,
        **padding(config),
        batch_size=batch_size,
        process_index=jax.process_index(),
        process_count=jax.process_count(),
    )
    advance = progress(-(-len(source) // jax.process_count()))
    batches = _counted(batches, advance)
    placed = runner.place(variables)
    options = {"num_classes": len(matrix_classes(spec)), "ids": source.ids}
    if not observers:
        return evaluate.count(placed, batches, runner.count, **options), []
    with Observation(
        observers,
        ids=source.ids,
        void=matrix_void(spec),
        sizes=getattr(source, "sizes", None),
    ) as observation:
        total = evaluate.count(
            placed, batches, runner.observe, observe=observation.add, **options
        )
        return total, observation.results()


def _counted(
    batches: Iterable[HostBatch], advance: Callable[[int], None]
) -> Iterator[HostBatch]:
    """Yields batches, and counts the examples of each when the next one is needed."""
    for batch in batches:
        yield batch
        advance(int((np.asarray(batch["index"]) != FILL).sum()))


def _eval_step(task, config, model, spec, observers, network) -> Callable:
    """Returns the evaluation step, with probabilities if an observer needs them."""
    step = task.make_eval_step(config, model, spec)
    soft = any(observer.needs_probabilities for observer in observers)
    if network is not None:
        return functools.partial(step, predict=_predicting(network, spec, soft))
    if not soft:
        return step
    return functools.partial(
        step, predict=task.labels_and_probabilities(config, model, spec)
    )


def _predicting(network, spec, soft) -> Callable:
    """Returns a function of variables and batch to labels, and to probabilities."""

    def predict(variables, batch):
        label, found = network.labels_and_probabilities(variables, batch["image"])
        label = states(label) if spec.multilabel else label
        return (label, found) if soft else label

    return predict
