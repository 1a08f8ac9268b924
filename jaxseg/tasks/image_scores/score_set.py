"""Computes chosen groups of scores in one pass over the data."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jaxseg.config import Config
from jaxseg.data import DatasetSpec
from jaxseg.data.datasets.lookup import dataset_categories
from jaxseg.metrics.label_pair import label_pair
from jaxseg.tasks.evaluation import Evaluation
from jaxseg.tasks.image_scores.groups import GROUPS, GroupName
from jaxseg.tasks.image_scores.setting import DistanceOptions, Measured, Setting
from jaxseg.tasks.scoring import matrix_classes
from jaxseg.tasks.table import task_of
from jaxseg.training.run.observation import Observed

ALL = "all"


@dataclasses.dataclass(frozen=True, eq=False)
class ScoreSet:
    """Observes the images of an evaluation for groups of scores.

    Attributes:
      names: The names of the groups.
      setting: The data and the options.
    """

    names: tuple[str, ...]
    setting: Setting

    @property
    def observes(self) -> bool:
        """Returns whether any group needs single images."""
        return any(GROUPS[name].of_images for name in self.names)

    @property
    def observers(self) -> tuple[ScoreSet, ...]:
        """Returns this object if it observes an evaluation, and otherwise nothing."""
        return (self,) if self.observes else ()

    @property
    def needs_probabilities(self) -> bool:
        """Returns whether any group needs probabilities."""
        return any(GROUPS[name].needs_probabilities for name in self.names)

    @property
    def of_labels(self) -> ScoreSet:
        """Returns the scores that do not need probabilities."""
        soft = [name for name in self.names if GROUPS[name].needs_probabilities]
        names = tuple(name for name in self.names if name not in soft)
        return ScoreSet(names, self.setting)

    def measure(self, example: Observed) -> dict[str, Any]:
        """Returns the result of each group for one image."""
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
        """Computes the scores of each group.

        Args:
          matrix: The confusion matrix, integers [K + 1, K].
          images: The results of `measure` for all images, in dataset order.

        Returns:
          The scores of each group by name.
        """
        result = {}
        for name in self.names:
            group = GROUPS[name]
            found = [one[name] for one in images] if group.of_images else matrix
            result[name] = dict(group.combine(found, self.setting))
        return result

    def of(self, found: Evaluation, place: int = 0) -> dict[str, dict[str, Any]]:
        """Computes the scores of each group from an evaluation.

        Args:
          found: The evaluation, in which this object was an observer if it `observes`.
          place: The index of this object among the observers.
        """
        images = found.results[place] if self.observes else ()
        return self.combine(found.total.matrix, images)


def choose_scores(
    names: Sequence[GroupName | str],
    config: Config,
    spec: DatasetSpec,
    distance: DistanceOptions | None = None,
) -> ScoreSet:
    """Returns the scores with the given names, after checking that they are defined.

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
                f"scores={name!r} is invalid: expected {ALL} or names out of "
                f"{', '.join(GROUPS)}."
            )
    if ALL in chosen:
        chosen = {k: None for k, group in GROUPS.items() if not group.refusal(setting)}
    for name in chosen:
        if reason := GROUPS[name].refusal(setting):
            raise ValueError(
                f"scores={name!r} is invalid for {spec.name}, because {reason}: "
                f"expected other scores. Use --scores {ALL} for all that are defined."
            )
    return ScoreSet(tuple(chosen), setting)
