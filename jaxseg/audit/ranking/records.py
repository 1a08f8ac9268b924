"""Converts a ranking of masks to the content of the report audit.json."""

from __future__ import annotations

import collections
from typing import Any

from jaxseg.audit.ranking.measures import Region
from jaxseg.audit.ranking.result import MARKED, Ranking
from jaxseg.audit.ranking.scores import Suspect


def to_dict(ranking: Ranking) -> dict[str, Any]:
    """Returns the ranking as a dictionary of JSON values, as audit.json stores it.

    The dictionary contains a verdict, statistics of each class, and for each mask its
    score, all its regions and those that may be wrong.

    Args:
      ranking: The scores of all masks.
    """
    classes = ranking.class_rows()
    typical = [row["confidence"] for row in classes]
    own = collections.defaultdict(list)
    for row in ranking.suspects:
        own[row.example].append(_suspect(ranking, row))
    return {
        "dataset": ranking.dataset,
        "split": ranking.split,
        "runs": list(ranking.runs),
        "agreement": ranking.agreement,
        "verdict": ranking.verdict(),
        "marked": ranking.marked,
        "marked_from": MARKED,
        "classes": classes,
        "masks": [
            {
                "rank": place,
                "name": ranking.names[index],
                "score": float(ranking.scores[index]),
                "mean_confidence": ranking.measured[index].mean_confidence,
                "softmin": ranking.measured[index].softmin,
                "suspects": own[index],
                "regions": [
                    _region(ranking, region, typical[region.given])
                    for region in ranking.measured[index].regions
                ],
            }
            for place, index in enumerate(ranking.order, start=1)
        ],
    }


def _suspect(ranking: Ranking, row: Suspect) -> dict[str, Any]:
    predicted = None if row.predicted is None else ranking.classes[row.predicted]
    return {
        "reason": row.reason,
        "score": row.score,
        "given": ranking.classes[row.given],
        "predicted": predicted,
        "area": row.area,
        "box": row.box,
        "offset": row.offset,
    }


def _region(ranking: Ranking, row: Region, typical: float | None) -> dict[str, Any]:
    return {
        "given": ranking.classes[row.given],
        "area": row.area,
        "box": row.box,
        "self_confidence": row.confidence,
        "normalized_margin": row.margin,
        "relative_confidence": row.confidence / typical if typical else None,
        "displacement": row.displacement and row.displacement.offset,
        "displacement_score": row.displacement and row.displacement.score,
    }
