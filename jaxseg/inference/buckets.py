"""Chooses a few sizes to which the images of many sizes are padded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np

Size = tuple[int, int]


def choose_buckets(sizes: Iterable[Size], count: int) -> dict[Size, Size]:
    """Maps the size of each image to one of at most `count` sizes that contain it.

    The sizes are chosen so that few pixels are added over all images. At first, each
    size is a group. In each step, the two groups whose union adds the fewest pixels are
    merged. At the end, each size moves to the group that adds the fewest pixels to it.
    The result is not always the best one, because an exact search would take
    exponential time.

    Args:
      sizes: The height and width of each image.
      count: The largest number of sizes in the result.

    Returns:
      For each size, the height and width to which images of this size are padded.

    Raises:
      ValueError: If `count` is not positive.

    >>> choose_buckets([(10, 20), (11, 20), (50, 60)], 2)
    {(10, 20): (11, 20), (11, 20): (11, 20), (50, 60): (50, 60)}
    """
    if count < 1:
        raise ValueError(f"buckets={count} is invalid: expected a number >= 1.")
    numbers = Counter(sizes)
    buckets = _merged(numbers, count)
    while True:
        chosen = {size: _cheapest(size, buckets) for size in numbers}
        tight = _tight(chosen)
        if tight == buckets:
            return chosen
        buckets = tight


def _merged(numbers: Counter[Size], count: int) -> list[Size]:
    """Merges sizes, the cheapest pair first, until `count` remain."""
    sides = np.array(list(numbers), np.int64).reshape(-1, 2)
    images = np.array(list(numbers.values()), np.int64)
    costs = np.array(
        [_costs(sides, images, row) for row in range(len(sides))], np.float64
    ).reshape(len(sides), len(sides))
    alive = len(sides)
    while alive > count:
        one, other = np.unravel_index(np.argmin(costs), costs.shape)
        sides[one] = np.maximum(sides[one], sides[other])
        images[one] += images[other]
        images[other] = 0
        costs[other] = costs[:, other] = np.inf
        costs[one] = costs[:, one] = _costs(sides, images, one)
        alive -= 1
    return sorted({(int(h), int(w)) for h, w in sides[images > 0]})


def _costs(sides: np.ndarray, images: np.ndarray, row: int) -> np.ndarray:
    """Returns how many pixels are added if a group is merged with each other one."""
    areas = sides.prod(1) * images
    joint = np.maximum(sides, sides[row]).prod(1) * (images + images[row])
    costs = (joint - areas - areas[row]).astype(np.float64)
    costs[images == 0] = costs[row] = np.inf
    return costs


def _cheapest(size: Size, buckets: list[Size]) -> Size:
    fits = [bucket for bucket in buckets if bucket[0] >= size[0]]
    return min(
        (bucket for bucket in fits if bucket[1] >= size[1]),
        key=lambda bucket: (bucket[0] * bucket[1], bucket),
    )


def _tight(chosen: dict[Size, Size]) -> list[Size]:
    """Returns the buckets, each as small as its members allow."""
    members: dict[Size, list[Size]] = {}
    for size, bucket in chosen.items():
        members.setdefault(bucket, []).append(size)
    corners = (np.array(sides).max(0) for sides in members.values())
    return sorted({(int(height), int(width)) for height, width in corners})
