"""Computes chosen groups of scores in one pass over the data."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jaxseg.config import Config
from jaxseg.data import DatasetSpec
from jaxseg.data.datasets.lookup import dataset_categories
from jaxseg.metrics.label_pairs import label_pair
from jaxseg.tasks.evaluation import Evaluation
from jaxseg.tasks.image_scores.groups import GROUPS, GroupName
from jaxseg.tasks.image_scores.setting import DistanceOptions, Measured, Setting
from jaxseg.tasks.scoring import matrix_classes
from jaxseg.tasks.table import task_of
from jaxseg.training.run.observation import Observed

ALL = "all"


@dataclasses.dataclass(frozen=True, eq=False)
class ScoreSet:
    """Computes the groups of scores that a user has chosen.

    Some groups need more than the confusion matrix. For these, an evaluation passes
    every image to `measure`, and `combine` computes the scores from the results.

    Attributes:
      names: The names of the groups.
      setting: The dataset and the options of the scores.
    """

    names: tuple[str, ...]
    setting: Setting

    @property
    def observes(self) -> bool:
        """Returns whether any of the scores needs more than the confusion matrix."""
        return any(GROUPS[name].of_images for name in self.names)

    @property
    def observers(self) -> tuple[ScoreSet, ...]:
        """Returns a tuple of the observers to pass to an evaluation.

        It contains only this object. It is empty if the confusion matrix is enough to
        compute all chosen scores.
        """
        return (self,) if self.observes else ()

    @property
    def needs_probabilities(self) -> bool:
        """Returns whether any group of scores needs the class probabilities."""
        return any(GROUPS[name].needs_probabilities for name in self.names)

    @property
    def of_labels(self) -> ScoreSet:
        """Returns a `ScoreSet` of those chosen groups that need no probabilities."""
        soft = [name for name in self.names if GROUPS[name].needs_probabilities]
        names = tuple(name for name in self.names if name not in soft)
        return ScoreSet(names, self.setting)

    def measure(self, example: Observed) -> dict[str, Any]:
        """Computes the results of one image that the chosen groups of scores need.

        They are computed by the function `of_images` of each group.

        Returns:
          A dictionary from group name to result, without the groups that need only the
          confusion matrix.
        """
        pair = label_pair(
            example.prediction,
            example.label,
            num_classes=self.setting.rows,
            void=example.void,
        )
        image = Measured(example, pair, self.setting)
        return {
            name: GROUPS[name].of_images(image)
            for name in self.names
            if GROUPS[name].of_images is not None
        }

    def combine(
        self, matrix: np.ndarray, images: Sequence[Mapping[str, Any]]
    ) -> dict[str, dict[str, Any]]:
        """Computes the scores of each group from the results of all images.

        Args:
          matrix: The confusion matrix, integers [K + 1, K].
          images: The results of `measure` for all images, in dataset order.

        Returns:
          A dictionary from group name to a dictionary of the scores of the group.
        """
        result = {}
        for name in self.names:
            group = GROUPS[name]
            found = [one[name] for one in images] if group.of_images else matrix
            result[name] = dict(group.combine(found, self.setting))
        return result

    def of(self, found: Evaluation, place: int = 0) -> dict[str, dict[str, Any]]:
        """Returns a dictionary from group name to the group's scores in an evaluation.

        Args:
          found: The result of the evaluation. If `observes` is True, this object must
            have been one of the observers of the evaluation.
          place: The index of this object in the list of these observers.
        """
        images = found.results[place] if self.observes else ()
        return self.combine(found.total.matrix, images)


def choose_scores(
    names: Sequence[GroupName | str],
    config: Config,
    spec: DatasetSpec,
    distance: DistanceOptions | None = None,
) -> ScoreSet:
    """Returns a `ScoreSet`, the object that computes the named groups of scores.

    Args:
      names: Names of groups, or "all" for all that are defined for the dataset.
      config: The configuration of the run.
      spec: The classes of the run.
      distance: The options of scores that measure distances.

    Raises:
      ValueError: If a name is unknown, or its scores are undefined for the dataset.
    """
    if not config.data.mix:  # One dataset with the classes of the union.
        spec = dataclasses.replace(spec, members=())
    setting = Setting(
        spec,
        rows=len(matrix_classes(spec)),
        kind=task_of(config).kind,
        categories=dataset_categories(config.data.name, spec.classes),
        distance=distance or DistanceOptions(),
    )
    chosen = dict.fromkeys(names)
    for name in chosen:
        if name != ALL and name not in GROUPS:
            raise ValueError(
                f"scores={name!r} is invalid: expected {ALL} or names from the list "
                f"{', '.join(GROUPS)}."
            )
    if ALL in chosen:
        chosen = {k: None for k, group in GROUPS.items() if not group.refusal(setting)}
    for name in chosen:
        if reason := GROUPS[name].refusal(setting):
            raise ValueError(
                f"scores={name!r} is invalid for {spec.name}, because {reason}: "
                f"expected other scores. --scores {ALL} selects all that are defined."
            )
    return ScoreSet(tuple(chosen), setting)
