"""Defines the options --scores and --distance.* of `jaxseg eval`."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Literal

from jaxseg.config import Config
from jaxseg.data import DatasetSpec
from jaxseg.metrics import to_json
from jaxseg.metrics.boundary.class_values import NEAR
from jaxseg.metrics.boundary.distances import SQUARE
from jaxseg.runs.rules import check_bounds, each, number
from jaxseg.tasks.image_scores.groups import GroupName
from jaxseg.tasks.image_scores.score_set import ScoreSet, choose_scores
from jaxseg.tasks.image_scores.setting import DistanceOptions
from jaxseg.tasks.image_scores.tables import group_tables
from jaxseg.tasks.measuring import ImageResult, total_refined
from jaxseg.tasks.scoring import matrix_classes
from jaxseg.text import as_message

BOUNDS = {
    "distance.tolerance": number(0),
    "distance.spacing": each(number(above=0)),
}


@dataclasses.dataclass(frozen=True)
class Distance:
    """Sets the options of scores that measure distances."""

    tolerance: float = NEAR
    """The normalized surface distance counts a boundary pixel as correct if the other
    boundary (the true or the predicted one) is at most this far away, in the unit of
    distance.spacing."""
    spacing: tuple[float, float] = SQUARE
    """Height and width of a pixel, for example in millimeters. All distances are in
    this unit."""


DISTANCE = Distance()


@dataclasses.dataclass(frozen=True)
class FurtherScores:
    """Selects scores that are computed in addition to accuracy, IoU and F1."""

    scores: tuple[GroupName | Literal["all"], ...] = ()
    """Further scores: 'boundary' (boundary F1 and Boundary IoU), 'trimap' (mean IoU
    near boundaries), 'trimap-void' (mean IoU near void), 'surface' (Hausdorff and
    surface distances), 'image' (Dice and IoU per image), 'size' (objects by size),
    'agreement' (kappa and specificity), 'category' (IoU of categories), 'binary' (AUC),
    or 'all' (all scores that the dataset allows)."""
    distance: Distance = DISTANCE

    def choose(self, config: Config, spec: DatasetSpec) -> ScoreSet:
        """Returns the `ScoreSet`, which computes the selected scores.

        Args:
          config: The configuration of the run.
          spec: The classes of the run.

        Raises:
          ValueError: If an option is out of its bounds, if scores are undefined for the
            dataset, or if --distance.* is given without scores that measure distances.
        """
        check_bounds(self, BOUNDS)
        options = DistanceOptions(**dataclasses.asdict(self.distance))
        if self.distance != DISTANCE and not {"boundary", "surface", "all"} & set(
            self.scores
        ):
            raise ValueError(
                f"distance={self.distance} is invalid with scores={self.scores}: "
                "expected --scores surface or boundary, which measure distances."
            )
        return choose_scores(self.scores, config, spec, options)


NONE = FurtherScores()


def report_refined(
    scores: ScoreSet, spec: DatasetSpec, images: Sequence[ImageResult]
) -> dict[str, Any]:
    """Prints the scores that --scores selects, computed after the refinement.

    Scores that need the probabilities of a network are left out.

    Args:
      scores: The object that computes the scores.
      spec: The classes of the evaluation.
      images: The results for each image, with the confusion matrices of its refined
        predictions.

    Returns:
      A dictionary from the names of the scores to their values, which is added to the
      JSON file of the evaluation.
    """
    after = scores.of_labels
    if not after.names:
        return {}
    found = [image.observed[0] for image in images] if after.observes else []
    groups = after.combine(total_refined(images, spec), found)
    tables = group_tables(groups, matrix_classes(spec))
    print(as_message(f"\nafter refinement\n{tables}"))
    content: dict[str, Any] = {}
    for group in groups.values():
        content |= to_json(dict(group))
    return content
