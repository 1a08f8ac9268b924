"""Defines the inputs from which scores are computed for each image."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping

from jaxseg.data import DatasetSpec
from jaxseg.metrics.boundary import BoundaryDistances, LabelPair, class_distances
from jaxseg.metrics.boundary.class_values import NEAR
from jaxseg.metrics.boundary.distances import SQUARE, Spacing
from jaxseg.training.run.observation import Observed


@dataclasses.dataclass(frozen=True)
class DistanceOptions:
    """Contains the options of scores that measure distances.

    Attributes:
      tolerance: The largest distance that the normalized surface distance accepts, in
        the unit of `spacing`.
      spacing: The height and the width of a pixel, for example in millimeters.
    """

    tolerance: float = NEAR
    spacing: Spacing = SQUARE


@dataclasses.dataclass(frozen=True)
class Setting:
    """Contains the properties of a dataset and the options that determine scores.

    Attributes:
      spec: The classes.
      rows: The number of rows of the confusion matrix without the row of void. Labels
        and predictions of the images are indices of these rows.
      kind: The task, "images" or "clouds".
      categories: The classes of each category of the dataset, by the name of the
        category. It is empty if the dataset has no categories.
      distance: The options of scores that measure distances.
    """

    spec: DatasetSpec
    rows: int
    kind: str = "images"
    categories: Mapping[str, tuple[int, ...]] = dataclasses.field(default_factory=dict)
    distance: DistanceOptions = DistanceOptions()


@dataclasses.dataclass(frozen=True, eq=False)
class Measured:
    """Contains one image, and intermediate results that several scores share.

    Attributes:
      example: The image with its label and prediction.
      pair: The true and the predicted classes, both -1 at void pixels.
      setting: The dataset and the options of the scores.
    """

    example: Observed
    pair: LabelPair
    setting: Setting

    @functools.cached_property
    def distances(self) -> list[tuple[int, BoundaryDistances]]:
        """Returns the distances between the true and the predicted boundaries.

        The result is a list of pairs: the index of a class, and a `BoundaryDistances`.
        The latter contains the distance of each predicted boundary pixel of the class
        to its true boundary, and of each true boundary pixel to the predicted one.
        """
        return list(class_distances(self.pair, self.setting.distance.spacing))
