"""Yields batches of images and labels for training and evaluation.

Grain reads the batches in advance. The training stream is endless and can start at any
step, so a checkpoint needs to store only the step. The images in a batch have their
stored pixel values. The training step mirrors them, changes their colors and normalizes
them on the device.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

import grain
import numpy as np

from jaxseg.config import DataConfig
from jaxseg.data.augment.stages import check_augment
from jaxseg.data.process_share import ProcessShare
from jaxseg.data.source import Source
from jaxseg.data.training_example import train_example
from jaxseg.data.worker_processes import Workers, process_batches


def train_batches(
    source: Source,
    config: DataConfig,
    *,
    seed: int,
    batch_size: int,
    start_step: int = 0,
    process_index: int = 0,
    process_count: int = 1,
) -> Iterator[dict[str, np.ndarray]]:
    """Yields an endless stream of batches of random crops.

    Images that contain a class of `config.oversample_classes` appear twice per epoch,
    as DeepLab v3 does for hard classes (arXiv 1706.05587).

    Args:
      source: The examples.
      config: The crop, the scale range and the oversampled classes.
      seed: The seed of the order of the examples and of the crops.
      batch_size: The number of examples per batch over all processes.
      start_step: The step at which the stream starts.
      process_index: The index of this process.
      process_count: The number of processes.

    Returns:
      An iterator of {"image": [b, h, w, C], "label": [b, h, w], "seed": uint32 [b],
      "index": int32 [b]}, where b is the number of examples per process, "seed" is the
      seed of an example's augmentation on the device, and "index" is the index of the
      example in the source. `source.spec` states the types of images and labels.

    Raises:
      ValueError: If an option is out of range.
    """
    share = ProcessShare(batch_size, process_index, process_count)
    _check_train(config, seed, start_step)
    check_augment(config, source.spec)
    source.holding(config.oversample_classes)  # Computes it before threads need it.
    stream: Callable[..., Iterator[dict[str, np.ndarray]]] = _train_stream
    if source.backend == "tf":
        from jaxseg.data import tf_backend

        tf_backend.check_pixels(source.spec)
        _check_tf(config)
        stream = tf_backend.train_stream

    first = start_step * share.size
    return stream(source, config, seed, share.position, first, share.size)


def eval_batches(
    source: Source,
    *,
    batch_size: int,
    multiple: int = 32,
    process_index: int = 0,
    process_count: int = 1,
) -> Iterator[dict[str, np.ndarray]]:
    """Yields batches that contain every example once, without cropping.

    Images are padded with the mean color at the bottom and at the right to multiples of
    `multiple`; labels are padded with void. All images in a batch have one padded size.
    If too few examples of a size remain for a batch, it is filled with examples that
    consist of padding only. Their index is -1. All processes yield equal numbers of
    batches, and batch k has the same size in all processes.

    Args:
      source: The examples.
      batch_size: The number of examples per batch over all processes.
      multiple: Padded heights and widths are multiples of this number.
      process_index: The index of this process.
      process_count: The number of processes.

    Returns:
      An iterator of {"image": [b, H, W, C], "label": [b, H, W], "index": int32 [b]},
      where b is the number of examples per process. `source.spec` states the types of
      images and labels.

    Raises:
      ValueError: If an option is out of range.
    """
    share = ProcessShare(batch_size, process_index, process_count)
    if source.backend == "tf":
        from jaxseg.data import tf_backend

        tf_backend.check_pixels(source.spec)
        return tf_backend.eval_stream(source, share.batches(source.sizes, multiple))
    slots = share.slots(source.sizes, multiple)
    return read_batches(
        lambda slot: padded_example(source, *slots[slot]),
        0,
        len(slots),
        share=share.size,
        workers=Workers(source.workers),
    )


def padded_example(
    source: Source, size: tuple[int, int], index: int
) -> dict[str, np.ndarray]:
    """Returns an example whose image and label are padded to a given size.

    Args:
      source: The examples.
      size: The padded (H, W) in pixels.
      index: The index of the example. The index -1 gives an example that consists of
        padding only.

    Returns:
      {"image": [H, W, C], "label": [H, W], "index": int32}.
    """
    spec = source.spec
    image = np.empty((*size, spec.channels), spec.image_dtype)
    image[:] = spec.mean_color
    label = np.full(size, spec.void, spec.label_dtype)
    if index >= 0:
        example = source[index]
        height, width = example["label"].shape
        image[:height, :width] = example["image"]
        label[:height, :width] = example["label"]
    return {"image": image, "label": label, "index": np.asarray(index, np.int32)}


def _train_stream(
    source: Source,
    config: DataConfig,
    seed: int,
    position: Callable[[int], int],
    start: int,
    share: int,
) -> Iterator[dict[str, np.ndarray]]:
    shared = source.divided(config.worker_processes)
    return read_batches(
        lambda local: train_example(shared, config, seed, position(local)),
        start,
        sys.maxsize,
        share=share,
        workers=Workers(source.workers, config.worker_processes),
    )


def read_batches(
    example: Callable[[int], dict[str, np.ndarray]],
    start: int,
    stop: int,
    *,
    share: int,
    workers: Workers,
) -> Iterator[dict[str, np.ndarray]]:
    """Yields batches of consecutive examples, which are read in advance.

    A batch is a dictionary that contains each array of the examples, with the examples
    along a new first axis.

    Args:
      example: A function that returns the example with a given index.
      start: The first index.
      stop: The index after the last one.
      share: The number of examples per batch that this process yields.
      workers: The numbers of processes and threads that read. They do not change the
        batches.
    """
    if workers.processes:
        yield from process_batches(example, start, stop, share=share, workers=workers)
        return
    ahead = grain.ReadOptions(
        num_threads=workers.threads,
        prefetch_buffer_size=max(2 * share, workers.threads),
    )
    examples = grain.MapDataset.range(start, stop).map(example)
    iterator = iter(examples.to_iter_dataset(ahead).batch(share))
    try:
        yield from iterator
    finally:
        iterator.close()


def _check_tf(config: DataConfig):
    """Checks options that only the backend 'grain' has."""
    none = {"worker_processes": 0, "elastic": 0, "augment": (), "albumentations": None}
    for name, absent in none.items():
        value = getattr(config, name)
        if value != absent:
            raise ValueError(
                f"data.{name}={value} is invalid: expected {absent} for the backend "
                "'tf'. Pass --data.backend grain."
            )


def _check_train(config: DataConfig, seed: int, start_step: int):
    if seed < 0 or start_step < 0:
        raise ValueError(
            f"seed={seed}, start_step={start_step} is invalid: expected a seed and a "
            "start step of 0 or more."
        )
    if len(config.crop) != 2 or min(config.crop) < 1:
        raise ValueError(
            f"data.crop={config.crop} is invalid: expected a height and a width of 1 "
            "or more."
        )
    low, high = config.scale_range
    if not 0 < low <= high:
        raise ValueError(
            f"data.scale_range={config.scale_range} is invalid: expected "
            "0 < low <= high."
        )
    if config.elastic < 0:
        raise ValueError(
            f"data.elastic={config.elastic} is invalid: expected 0 or more pixels."
        )
    if config.workers < 0:
        raise ValueError(
            f"data.workers={config.workers} is invalid: expected 0 or more."
        )
    if config.worker_processes < 0:
        raise ValueError(
            f"data.worker_processes={config.worker_processes} is invalid: expected 0 "
            "or more."
        )
