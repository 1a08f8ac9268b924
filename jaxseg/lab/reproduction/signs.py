"""Compares the signs of published differences with the signs of measured ones."""

from __future__ import annotations

import dataclasses
import itertools
import statistics
from collections.abc import Mapping, Sequence

from jaxseg.lab.reproduction.tables import Row

LEAST = 1.0  # The published differences, in points, above which a sign is compared.


@dataclasses.dataclass(frozen=True)
class SignComparison:
    """Compares the difference of two rows with the published difference.

    All differences are those of the second row minus the first, in points of mean IoU.

    Attributes:
      first: The name of the row that is subtracted.
      second: The name of the row from which the other one is subtracted.
      published: The published difference.
      seeds: The measured difference for each seed that both rows have, by seed.
    """

    first: str
    second: str
    published: float
    seeds: Mapping[int, float]

    @property
    def mean(self) -> float | None:
        """Returns the mean of the measured differences, or None without a seed."""
        return statistics.fmean(self.seeds.values()) if self.seeds else None

    @property
    def spread(self) -> float | None:
        """Returns the standard deviation of the differences; None below two seeds."""
        values = list(self.seeds.values())
        return statistics.stdev(values) if len(values) > 1 else None

    @property
    def agreeing(self) -> tuple[int, ...]:
        """Returns the seeds in which the difference has the published sign."""
        return tuple(s for s, value in self.seeds.items() if value * self.published > 0)

    @property
    def holds(self) -> bool | None:
        """Returns whether the mean has the published sign; None without a seed."""
        return None if self.mean is None else self.mean * self.published > 0


def compare_signs(
    rows: Sequence[Row], scores: Mapping[str, Mapping[int, float]]
) -> list[SignComparison]:
    """Compares all pairs of rows whose published difference is above one point.

    Args:
      rows: The rows in the order of the table.
      scores: The mean IoU, from 0 to 1, for each row and seed.

    Returns:
      A list with a comparison for each pair. Pairs of neighboring rows come first.
    """
    places = itertools.combinations(range(len(rows)), 2)
    found = []
    for i, k in sorted(places, key=lambda pair: (pair[1] - pair[0], pair)):
        first, second = rows[i], rows[k]
        published = round(second.score - first.score, 6)
        if abs(published) <= LEAST:
            continue
        ours, theirs = scores.get(second.name, {}), scores.get(first.name, {})
        seeds = {s: 100 * (ours[s] - theirs[s]) for s in sorted({*ours} & {*theirs})}
        found.append(SignComparison(first.name, second.name, published, seeds))
    return found
