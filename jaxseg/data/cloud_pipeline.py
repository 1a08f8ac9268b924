"""Yields padded and masked batches of point clouds for training and evaluation.

As in `jaxseg.data.pipeline`, the cloud at a position of the training stream and its
augmentation depend only on the seed and the position. Clouds are augmented on the host,
because this takes little time.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from jaxseg.config import DataConfig
from jaxseg.data import shuffle as order
from jaxseg.data.cloud_padding import pad_cloud
from jaxseg.data.clouds import Clouds
from jaxseg.data.pipeline import read_batches
from jaxseg.data.process_share import ProcessShare
from jaxseg.data.worker_processes import Workers

Example = dict[str, np.ndarray]
FARTHEST = 3.0  # Jitter is clipped at this many standard deviations.


def cloud_train_batches(
    source: Clouds,
    config: DataConfig,
    *,
    seed: int,
    batch_size: int,
    start_step: int = 0,
    process_index: int = 0,
    process_count: int = 1,
) -> Iterator[Example]:
    """Yields an endless stream of batches of augmented clouds.

    Args:
      source: The clouds.
      config: The options of the augmentation. Each example has at most
        `config.num_points` points.
      seed: The seed of the order of the clouds and of the augmentation.
      batch_size: The number of clouds per batch over all processes.
      start_step: The step at which the stream starts.
      process_index: The index of this process.
      process_count: The number of processes.

    Returns:
      An iterator of dictionaries, where b is the number of clouds per process and N is
      `config.num_points`: "points" float32 [b, N, 3] in meters, "feature" float32
      [b, N, 3] (colors on [0, 1]), "mask" bool [b, N] (False at padding), "label" uint8
      [b, N] (255 at padding and at points without a class), "seed" uint32 [b] and
      "index" int32 [b].

    Raises:
      ValueError: If an option is out of range.
    """
    share = ProcessShare(batch_size, process_index, process_count)
    _check(config, seed, start_step)

    return read_batches(
        lambda local: train_example(source, config, seed, share.position(local)),
        start_step * share.size,
        sys.maxsize,
        share=share.size,
        workers=Workers(source.workers, config.worker_processes),
    )


def cloud_eval_batches(
    source: Clouds,
    *,
    batch_size: int,
    multiple: int = 1024,
    process_index: int = 0,
    process_count: int = 1,
) -> Iterator[Example]:
    """Yields batches that contain every cloud once, with all of its points.

    The number of points of each cloud is padded to the next multiple of `multiple`. All
    clouds in a batch have the same padded number of points. If too few clouds with
    this number remain to fill the batch, clouds that consist of padding are added. The
    index of such a cloud is -1.

    Args:
      source: The clouds.
      batch_size: The number of clouds per batch over all processes.
      multiple: The padded number of points of each cloud is a multiple of this number.
      process_index: The index of this process.
      process_count: The number of processes.

    Returns:
      An iterator of the dictionaries that `cloud_train_batches` yields, without "seed".

    Raises:
      ValueError: If an option is out of range.
    """
    share = ProcessShare(batch_size, process_index, process_count)
    sizes = tuple((count, 1) for count in source.counts)
    slots = [(size[0], index) for size, index in share.slots(sizes, multiple)]
    return read_batches(
        lambda slot: _eval_example(source, *slots[slot]),
        0,
        len(slots),
        share=share.size,
        workers=Workers(source.workers),
    )


def train_example(
    source: Clouds, config: DataConfig, seed: int, position: int
) -> Example:
    """Returns the augmented cloud at a position of the training stream.

    Args:
      source: The clouds.
      config: The options of the augmentation.
      seed: The seed of the training stream.
      position: The position in the training stream, from 0.

    Returns:
      A dictionary of the arrays that `cloud_train_batches` yields, without the batch
      axis.
    """
    rng = order.generator(seed, position)
    device_seed = rng.integers(2**32, dtype=np.uint32)
    index = order.example_index(seed, position, len(source))
    cloud = source[index]
    chosen = _around(rng, cloud["points"], config.num_points)
    points = augmented_points(rng, cloud["points"][chosen], config)
    color = cloud["color"][chosen] / 255
    color = color * rng.uniform(1 - config.color_jitter, 1 + config.color_jitter, 3)
    example = pad_cloud(points, color, cloud["label"][chosen], config.num_points)
    numbers = {
        "seed": np.asarray(device_seed),
        "index": np.asarray(index, np.int32),
    }
    return example | numbers


def augmented_points(
    rng: np.random.Generator, points: np.ndarray, config: DataConfig
) -> np.ndarray:
    """Rotates points about the z axis, mirrors and scales them, and adds random noise.

    Args:
      rng: The random number generator.
      points: The positions of N points, [N, 3] in meters.
      config: The strength of each augmentation.

    Returns:
      The new points [N, 3] in meters.
    """
    angle = rng.uniform(0, 2 * np.pi)
    mirror = -1.0 if rng.random() < 0.5 and config.flip else 1.0
    sine, cosine = np.sin(angle), np.cos(angle)
    turn = np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]])
    points = (points * [mirror, 1, 1]) @ turn.T * rng.uniform(*config.scale_range)
    noise = np.clip(rng.normal(size=points.shape), -FARTHEST, FARTHEST)
    return points + config.point_jitter * noise


def _eval_example(source: Clouds, size: int, index: int) -> Example:
    cloud: dict[str, Any] = source[max(index, 0)]
    count = cloud["label"].size if index >= 0 else 0
    color = cloud["color"][:count] / 255
    example = pad_cloud(cloud["points"][:count], color, cloud["label"][:count], size)
    return example | {"index": np.asarray(index, np.int32)}


def _around(rng, points: np.ndarray, count: int) -> np.ndarray:
    """Returns the sorted indices of the `count` points that are nearest to a random
    one.
    """
    center = points[rng.integers(len(points))]
    if len(points) <= count:
        return np.arange(len(points))
    squared = np.square(points - center).sum(-1)
    return np.sort(np.argsort(squared, kind="stable")[:count])


def _check(config: DataConfig, seed: int, start_step: int) -> None:
    low, high = config.scale_range
    rules = {
        f"data.num_points={config.num_points} is invalid: expected 1 or more.": (
            config.num_points >= 1
        ),
        f"data.scale_range={config.scale_range} is invalid: expected "
        "0 < low <= high.": 0 < low <= high,
        f"data.point_jitter={config.point_jitter} is invalid: expected 0 or more.": (
            config.point_jitter >= 0
        ),
        f"data.color_jitter={config.color_jitter} is invalid: expected 0 to 1.": (
            0 <= config.color_jitter <= 1
        ),
        f"seed={seed} is invalid: expected 0 or more.": seed >= 0,
        f"start_step={start_step} is invalid: expected 0 or more.": start_step >= 0,
    }
    for message, kept in rules.items():
        if not kept:
            raise ValueError(message)
