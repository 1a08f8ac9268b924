"""Computes scores from the measures of all examples; larger is more suspicious.

Whether a disagreement between mask and prediction is suspicious depends on three
things. The first one is how large and confident it is (`Disagreement.mass`). The second
one is how large it usually is for the same pair of classes in the other masks, because
networks confuse some classes often. The third one is how its value compares with the
largest values of the other masks.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Sequence

import numpy as np

from jaxseg.audit.ranking.disagreement import Box, Disagreement
from jaxseg.audit.ranking.measures import Measures, Region

PRIOR = 3.0  # The mean of all pairs counts as much as this many masks.
NARROWEST = 0.5  # A distribution of roots narrower than this is not widened.
HIGH = 0.9  # The quantile of the masks that receives the score 1.
SWAPPED, SHIFTED, MISSING = "swapped class", "shifted edge", "missing object"
COVERED = 0.5  # A disagreement over this share of a region of the mask swaps its class.


@dataclasses.dataclass(frozen=True)
class Suspect:
    """Describes a region of a mask that may be wrong.

    Attributes:
      example: The index of the example.
      reason: Whether the region may have a wrong class (`SWAPPED`), be displaced
        (`SHIFTED`), or contain an object that the mask lacks (`MISSING`).
      score: The score, scaled for each reason so that the median of the masks is 0 and
        their 90th percentile is 1. Larger is more suspicious.
      given: The class in the mask.
      predicted: The class that the networks predict, or None for a shifted edge.
      area: The number of pixels.
      box: The first row and column, and the row and column after the last, in pixels.
      offset: The rows and columns in pixels by which a shifted region must be moved, or
        None.
    """

    example: int
    reason: str
    score: float
    given: int
    predicted: int | None
    area: int
    box: Box
    offset: tuple[int, int] | None = None


def suspects(measured: Sequence[Measures]) -> list[Suspect]:
    """Returns a list of the mask regions that may be wrong, most suspicious first.

    Args:
      measured: How well the mask and the prediction of each example agree.
    """
    confused = [
        [
            _confused(index, one, value)
            for one, value in zip(found.disagreements, values, strict=True)
        ]
        for index, (found, values) in enumerate(
            zip(measured, relative_masses(measured), strict=True)
        )
    ]
    shifted = [
        [_shifted(index, r) for r in found.regions if r.displacement is not None]
        for index, found in enumerate(measured)
    ]
    rows = [*scaled(confused), *scaled(shifted)]
    return sorted((row for row in rows if row.score > 0), key=lambda row: -row.score)


def relative_masses(measured: Sequence[Measures]) -> list[np.ndarray]:
    """Divides the mass of each disagreement by the typical mass for its two classes.

    The mass of a region in which mask and prediction disagree measures how large and
    confident the disagreement is. The typical value of a pair of a given and a
    predicted class is the mean, over all other masks that contain the given class, of
    the largest mass of the pair. For pairs with few masks, this mean is shrunk toward
    the mean of all pairs.

    Args:
      measured: How well the mask and the prediction of each example agree.

    Returns:
      For each example, an array with the relative mass of each of its disagreements.
    """
    largest = []  # of each example: (given, predicted) -> mass
    for found in measured:
        own: dict[tuple[int, int], float] = {}
        for one in found.disagreements:
            pair = (one.given, one.predicted)
            own[pair] = max(own.get(pair, 0.0), one.mass)
        largest.append(own)
    present = [{region.given for region in found.regions} for found in measured]
    masks = collections.Counter(label for labels in present for label in labels)
    total: collections.Counter[tuple[int, int]] = collections.Counter()
    for own in largest:
        total.update(own)
    classes = len(measured[0].pixels) if measured else 1
    overall = sum(total.values()) / max(1, sum(masks.values()) * classes)
    floor = overall if overall > 0 else 1.0

    def relative(one: Disagreement, own: dict[tuple[int, int], float]) -> float:
        pair = (one.given, one.predicted)
        others = max(masks[one.given] - 1, 0)
        typical = (total[pair] - own[pair] + PRIOR * floor) / (others + PRIOR)
        return one.mass / typical

    return [
        np.array([relative(one, own) for one in found.disagreements])
        for found, own in zip(measured, largest, strict=True)
    ]


def scaled(rows: list[list[Suspect]]) -> list[Suspect]:
    """Scales the scores of suspicious regions to make them comparable.

    Each score is replaced by its square root. The roots are then shifted and divided by
    a common factor, so that the largest scores of the masks have the median 0 and the
    90th percentile 1. A mask without a suspicious region has the score 0 before this.

    Args:
      rows: The suspicious regions of each mask, all of one kind, such as displaced.

    Returns:
      A list of the regions of all masks with their new scores.
    """
    largest = [max((row.score for row in own), default=0.0) for own in rows]
    if not largest:
        return []
    # The root shortens the upper tail, so that no kind of evidence hides the other.
    roots = np.sqrt(largest)
    low, high = np.median(roots), np.quantile(roots, HIGH)
    width = max(float(high - low), NARROWEST)
    return [
        dataclasses.replace(row, score=float((np.sqrt(row.score) - low) / width))
        for own in rows
        for row in own
    ]


def mask_scores(found: Sequence[Suspect], count: int) -> np.ndarray:
    """Returns the score of each mask, [count]; larger is more suspicious.

    The score is sqrt(a^2 + b^2). Here a is the highest score of a region whose class
    differs from the prediction, and b that of a region that may be displaced.

    Args:
      found: The mask regions that may be wrong.
      count: The number of masks.
    """
    largest = np.zeros((count, 2))
    for row in found:
        kind = int(row.reason == SHIFTED)
        largest[row.example, kind] = max(largest[row.example, kind], row.score)
    return np.sqrt((largest**2).sum(1))


def _confused(index: int, one: Disagreement, value: float) -> Suspect:
    return Suspect(
        index,
        reason=SWAPPED if one.given_share >= COVERED else MISSING,
        score=float(value),
        given=one.given,
        predicted=one.predicted,
        area=one.area,
        box=one.box,
    )


def _shifted(index: int, region: Region) -> Suspect:
    return Suspect(
        index,
        reason=SHIFTED,
        score=region.displacement.score,
        given=region.given,
        predicted=None,
        area=region.area,
        box=region.box,
        offset=region.displacement.offset,
    )
