"""Summarizes the scores that a configuration reached with several random seeds."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import NamedTuple


class SeedSummary(NamedTuple):
    """Summarizes the scores that a configuration reached with several random seeds.

    Attributes:
      name: The name of the configuration.
      seeds: The number of seeds.
      mean: The mean score over the seeds.
      spread: The standard deviation of the scores, or None for one seed.
      lowest: The lowest score.
      highest: The highest score.
    """

    name: str
    seeds: int
    mean: float
    spread: float | None
    lowest: float
    highest: float


def summarize_seeds(name: str, values: Sequence[float]) -> SeedSummary:
    """Summarizes the scores of one configuration over seeds.

    `spread` is the sample standard deviation (with n - 1), or None for one seed;
    `lowest` and `highest` are the smallest and the largest score.

    Args:
      name: The name of the configuration.
      values: One score for each seed.

    >>> summarize_seeds("aspp", [0.5, 0.75]).mean
    0.625
    """
    spread = statistics.stdev(values) if len(values) > 1 else None
    mean = statistics.fmean(values)
    return SeedSummary(
        name,
        seeds=len(values),
        mean=mean,
        spread=spread,
        lowest=min(values),
        highest=max(values),
    )
