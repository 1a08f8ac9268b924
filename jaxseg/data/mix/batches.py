"""Yields batches that contain examples of several datasets.

The array "dataset" of a batch states for each example from which dataset it comes. The
labels of the example are class numbers of that dataset. The training step and the
evaluation step convert them to the classes of the network, the union of all classes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np

from jaxseg.config import DataConfig
from jaxseg.data.augment.stages import check_augment
from jaxseg.data.mix.opening import MixedSource
from jaxseg.data.mix.schedule import Schedule
from jaxseg.data.mix.settings import member_data
from jaxseg.data.pipeline import padded_example, read_batches
from jaxseg.data.process_share import ProcessShare
from jaxseg.data.training_example import train_example
from jaxseg.data.worker_processes import Workers

Example = dict[str, np.ndarray]


def mixed_train_batches(
    source: MixedSource,
    config: DataConfig,
    *,
    seed: int,
    batch_size: int,
    start_step: int = 0,
    process_index: int = 0,
    process_count: int = 1,
) -> Iterator[Example]:
    """Yields an endless stream of batches of random crops of all datasets.

    Args:
      source: The training examples.
      config: The data options of the run, with the weights of the datasets.
      seed: The seed of the order of the examples and of the crops.
      batch_size: The number of examples per batch over all processes.
      start_step: The step at which the stream starts.
      process_index: The index of this process.
      process_count: The number of processes.

    Returns:
      An iterator of batches as `jaxseg.data.train_batches` yields them, with one more
      array, "dataset", int32 [b]: the index of the dataset of each of the b examples.

    Raises:
      ValueError: If the batch size is not a multiple of the number of processes, a
        class to oversample is unknown, or an augmentation does not fit a dataset.
    """
    share = ProcessShare(batch_size, process_index, process_count)
    configs = tuple(member_data(config, member) for member in config.mix)
    for part, own, count in zip(source.parts, configs, source.counts, strict=True):
        if count:
            part.holding(own.oversample_classes)  # before threads need it
            check_augment(own, part.spec)
    schedule = Schedule.of(seed, [member.weight for member in config.mix])
    shared = source.divided(config.worker_processes)
    return read_batches(
        lambda local: mixed_example(shared, configs, schedule, share.position(local)),
        start_step * share.size,
        sys.maxsize,
        share=share.size,
        workers=Workers(source.workers, config.worker_processes),
    )


def mixed_example(
    source: MixedSource,
    configs: tuple[DataConfig, ...],
    schedule: Schedule,
    position: int,
) -> Example:
    """Returns the augmented example at a position of the stream of all datasets.

    The result is a dictionary of arrays, as `jaxseg.data.training_example` returns it,
    with one more array, "dataset": the index of the dataset of the example.

    Args:
      source: The training examples.
      configs: The data options of each dataset.
      schedule: Determines the dataset at each position of this stream.
      position: The position in this stream, from 0.
    """
    member, own = schedule.at(position)
    seed = schedule.member_seed(member)
    example = train_example(source.parts[member], configs[member], seed, own)
    return _marked(source, member, example)


def mixed_eval_batches(
    source: MixedSource,
    *,
    batch_size: int,
    multiple: int = 32,
    process_index: int = 0,
    process_count: int = 1,
) -> Iterator[Example]:
    """Yields batches that contain every example of all datasets once.

    Args:
      source: The examples.
      batch_size: The number of examples per batch over all processes.
      multiple: Padded heights and widths are multiples of this number.
      process_index: The index of this process.
      process_count: The number of processes.

    Returns:
      An iterator of batches as `jaxseg.data.eval_batches` yields them, with one more
      array, "dataset", int32 [b]: the index of the dataset of each of the b examples.

    Raises:
      ValueError: If the batch size is not a multiple of the number of processes.
    """
    share = ProcessShare(batch_size, process_index, process_count)
    slots = share.slots(source.sizes, multiple)

    def example(slot: int) -> Example:
        size, index = slots[slot]
        member, own = source.places[index] if index >= 0 else (0, index)
        return _marked(source, member, padded_example(source.parts[member], size, own))

    return read_batches(
        example, 0, len(slots), share=share.size, workers=Workers(source.workers)
    )


def _marked(source: MixedSource, member: int, example: Example) -> Example:
    """Adds the dataset, and converts index and ignore index to those of the mix."""
    own, common = source.spec.members[member].void, source.spec
    label, index = example["label"], example["index"]
    if own != common.void:
        void = label == own
        label = label.astype(common.label_dtype)
        label[void] = common.void
    if index >= 0:
        index = np.int32(source.starts[member] + index)
    return {**example, "label": label, "index": index, "dataset": np.int32(member)}
