"""Batches of point clouds for training and evaluation, padded and masked.

As `pipeline`: the cloud at a position of the training stream and its augmentation are
functions of (seed, position). Augmentation is here, on the host, for it costs little.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from jaxseg.config import DataConfig
from jaxseg.data import shuffle as order
from jaxseg.data.clouds import Clouds
from jaxseg.data.draws import eval_plan
from jaxseg.data.pipeline import read_batches
from jaxseg.data.spec import VOID

Example = dict[str, np.ndarray]
FARTHEST = 3.0  # jitter is cut at so many standard deviations


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
    """Endless batches of augmented clouds of at most `config.points` points.

    Returns:
      Iterator of {"points": float32 [b, N, 3], "feature": float32 [b, N, 3] (colors
      on [0, 1]), "mask": bool [b, N], False at padding, "label": uint8 [b, N] with
      255 for points without a class and padding, "seed": uint32 [b],
      "index": int32 [b]}, N = config.points.

    Raises:
      ValueError: For options out of range.
    """
    share = order.check_share(batch_size, process_index, process_count)
    _check(config, seed, start_step)

    def example(local: int) -> Example:
        position = order.global_position(
            local,
            batch_size=batch_size,
            process_index=process_index,
            process_count=process_count,
        )
        return train_example(source, config, seed, position)

    return read_batches(
        example, start_step * share, sys.maxsize, share=share, workers=source.workers
    )


def cloud_eval_batches(
    source: Clouds,
    *,
    batch_size: int,
    multiple: int = 1024,
    process_index: int = 0,
    process_count: int = 1,
) -> Iterator[Example]:
    """Every cloud once, whole, padded to the next multiple of points.

    Clouds of one padded size share batches; the last of a size is filled with clouds of
    index -1 that are all padding. Entries as in training, but "seed".

    Raises:
      ValueError: For options out of range.
    """
    share = order.check_share(batch_size, process_index, process_count)
    if multiple < 1:
        raise ValueError(f"multiple {multiple}; 1 or more is allowed")
    mine = slice(process_index * share, (process_index + 1) * share)
    sizes = tuple((count, 1) for count in source.counts)
    slots = [
        (size[0], index)
        for size, indices in eval_plan(sizes, batch_size, multiple)
        for index in indices[mine]
    ]
    return read_batches(
        lambda slot: _eval_example(source, *slots[slot]),
        0,
        len(slots),
        share=share,
        workers=source.workers,
    )


def train_example(
    source: Clouds, config: DataConfig, seed: int, position: int
) -> Example:
    """The cloud at a position of the training stream."""
    rng = order.generator(seed, position)
    device_seed = rng.integers(2**32, dtype=np.uint32)
    index = order.example_index(seed, position, len(source))
    cloud = source[index]
    chosen = _around(rng, cloud["points"], config.points)
    points = augmented_points(rng, cloud["points"][chosen], config)
    color = cloud["color"][chosen] / 255
    color = color * rng.uniform(1 - config.color_jitter, 1 + config.color_jitter, 3)
    example = padded(points, color, cloud["label"][chosen], config.points)
    return example | {"seed": device_seed, "index": np.int32(index)}


def augmented_points(
    rng: np.random.Generator, points: np.ndarray, config: DataConfig
) -> np.ndarray:
    """Turned about the z axis by any angle, mirrored, scaled and jittered, [N, 3]."""
    angle = rng.uniform(0, 2 * np.pi)
    mirror = -1.0 if rng.random() < 0.5 and config.flip else 1.0
    sine, cosine = np.sin(angle), np.cos(angle)
    turn = np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]])
    points = (points * [mirror, 1, 1]) @ turn.T * rng.uniform(*config.scale_range)
    noise = np.clip(rng.normal(size=points.shape), -FARTHEST, FARTHEST)
    return points + config.jitter * noise


def padded(
    points: np.ndarray, color: np.ndarray, label: np.ndarray, size: int
) -> Example:
    """A cloud as arrays of `size` points, standing on z = 0 around x = y = 0.

    Args:
      points: [N, 3], N at most `size`.
      color: [N, 3] on [0, 1].
      label: Uint8 [N].
      size: Length of the arrays.
    """
    count = len(label)
    example = {
        "points": np.zeros((size, 3), np.float32),
        "feature": np.zeros((size, 3), np.float32),
        "mask": np.arange(size) < count,
        "label": np.full(size, VOID, np.uint8),
    }
    if count:
        low, high = points.min(0), points.max(0)
        middle = (low + high) / 2
        example["points"][:count] = points - [middle[0], middle[1], low[2]]
        example["feature"][:count] = color
        example["label"][:count] = label
    return example


def _eval_example(source: Clouds, size: int, index: int) -> Example:
    cloud: dict[str, Any] = source[max(index, 0)]
    count = cloud["label"].size if index >= 0 else 0
    entries = (cloud["points"], cloud["color"] / 255, cloud["label"])
    example = padded(*(entry[:count] for entry in entries), size)
    return example | {"index": np.int32(index)}


def _around(rng, points: np.ndarray, count: int) -> np.ndarray:
    """Numbers of the `count` points nearest to a random one, in their order."""
    center = points[rng.integers(len(points))]
    if len(points) <= count:
        return np.arange(len(points))
    squared = np.square(points - center).sum(-1)
    return np.sort(np.argsort(squared, kind="stable")[:count])


def _check(config: DataConfig, seed: int, start_step: int) -> None:
    low, high = config.scale_range
    rules = {
        f"data.points is {config.points}; allowed: 1 or more": config.points >= 1,
        f"data.scale_range is {config.scale_range}; allowed: 0 < low <= high": (
            0 < low <= high
        ),
        f"data.jitter is {config.jitter}; allowed: 0 or more": config.jitter >= 0,
        f"data.color_jitter is {config.color_jitter}; allowed: 0 to 1": 0
        <= config.color_jitter
        <= 1,
        f"seed {seed}, start_step {start_step}; allowed: 0 or more": (
            min(seed, start_step) >= 0
        ),
    }
    for message, kept in rules.items():
        if not kept:
            raise ValueError(message)
