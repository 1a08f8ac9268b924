"""Measures the distances between the boundaries of a true and a predicted mask.

The Hausdorff distance, its percentiles, the average distances and the fraction of the
boundary within a tolerance are all computed from the two sets of distances here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
from scipy import spatial

from jaxseg.metrics.label_pairs import LabelPair, mask_pair

Spacing = tuple[float, float]
SQUARE: Spacing = (1.0, 1.0)  # Square pixels, so that distances are in pixels.


@dataclasses.dataclass(frozen=True, eq=False)
class BoundaryDistances:
    """Contains the distance of each boundary pixel to the other mask's boundary.

    If one of the masks is empty, the distances of the other are infinite.

    Attributes:
      predicted: The distance of each boundary pixel of the prediction to the boundary
        of the label, float64 [n].
      true: The distance of each boundary pixel of the label to the boundary of the
        prediction, float64 [m].
    """

    predicted: np.ndarray
    true: np.ndarray

    @property
    def is_defined(self) -> bool:
        """Returns whether both masks have pixels, so that all distances are finite."""
        return bool(self.predicted.size and self.true.size)

    def hausdorff(self, percentile: float = 100) -> float:
        """Returns the Hausdorff distance, or nan if a mask is empty.

        Args:
          percentile: 100 for the largest distance (Huttenlocher et al., TPAMI 15,
            1993). With 95, the result is the larger one of the two 95th percentiles, as
            in MONAI and surface-distance. Percentiles are interpolated linearly.
            Differs: medpy takes the percentile of both sets together.
        """
        if not self.is_defined:
            return float("nan")
        sides = (self.predicted, self.true)
        return float(max(np.percentile(side, percentile) for side in sides))

    def average(self) -> float:
        """Returns the average symmetric surface distance, or nan if a mask is empty.

        It is the mean distance of the boundary pixels of both masks (T. Heimann et
        al., TMI 28, 2009), as in MONAI and medpy.
        """
        if not self.is_defined:
            return float("nan")
        total = self.predicted.sum() + self.true.sum()
        return float(total / (self.predicted.size + self.true.size))

    def normalized(self, tolerance: float) -> float:
        """Returns the normalized surface distance, from 0 to 1, or nan without pixels.

        It is the fraction of the boundary pixels of both masks that are at most
        `tolerance` away from the other boundary, as in MONAI. The authors (S. Nikolov
        et al., arXiv 1809.04430) measure contours between the pixels instead, as
        `contour_distances` does.

        Args:
          tolerance: The largest accepted distance.
        """
        count = self.predicted.size + self.true.size
        near = sum(int((x <= tolerance).sum()) for x in (self.predicted, self.true))
        return near / count if count else float("nan")

    def f1(self, tolerance: float) -> float:
        """Returns the boundary F1 score (BF), or nan if both masks are empty.

        Precision is the fraction of the predicted boundary pixels that are less than
        `tolerance` away from the true boundary. Recall is the fraction of the true
        boundary pixels that are less than `tolerance` away from the predicted boundary.
        The score is their harmonic mean (G. Csurka et al., "What is a good evaluation
        measure for semantic segmentation?", BMVC 2013).

        Args:
          tolerance: The distance below which a boundary pixel counts as correct. The
            authors use 0.0075 of the diagonal of the image.
        """
        if not self.predicted.size + self.true.size:
            return float("nan")
        if not self.is_defined:
            return 0.0
        precision, recall = (
            float((side < tolerance).sum() / side.size)
            for side in (self.predicted, self.true)
        )
        both = precision + recall
        return 2 * precision * recall / both if both else 0.0


def class_distances(
    pair: LabelPair, spacing: Spacing = SQUARE
) -> Iterator[tuple[int, BoundaryDistances]]:
    """Yields a pair for each class that occurs in the label or in the prediction.

    The pair consists of the index of the class and a `BoundaryDistances` with the
    distances between the true and the predicted boundary of the class.

    Args:
      pair: The label and the prediction.
      spacing: The height and the width of a pixel. Distances have the same unit.
    """
    sides = []
    edges = pair.boundaries
    # Distances are 0 where the boundaries of one class meet; they need no search.
    meet = edges[0] & edges[1] & (pair.label == pair.prediction)
    for classes, edge in zip((pair.label, pair.prediction), edges, strict=True):
        rows, columns = np.nonzero(edge)
        found = classes[rows, columns]
        order = np.argsort(found, kind="stable")
        rows, columns = rows[order], columns[order]
        starts = np.searchsorted(found[order], np.arange(pair.num_classes + 1))
        points = np.stack([rows, columns], axis=1) * np.asarray(spacing, np.float64)
        sides.append((starts, points, meet[rows, columns]))
    for k in pair.classes.tolist():
        (true, known), (predicted, hit) = (
            (points[starts[k] : starts[k + 1]], there[starts[k] : starts[k + 1]])
            for starts, points, there in sides
        )
        yield (
            k,
            BoundaryDistances(
                predicted=nearest(predicted, true, hit),
                true=nearest(true, predicted, known),
            ),
        )


def nearest(points: np.ndarray, others: np.ndarray, same: np.ndarray) -> np.ndarray:
    """Returns for each point the distance to the nearest point in another array.

    Args:
      points: Positions, float64 [n, 2].
      others: Positions, float64 [m, 2]. If m is 0, the distances are infinite.
      same: Which of the points also occur in `others`, bool [n]. Their distance is 0.
    """
    distance = np.zeros(len(points))
    if not len(others):
        distance[:] = np.inf
    elif not same.all():
        tree = spatial.cKDTree(others, balanced_tree=False, compact_nodes=False)
        distance[~same] = tree.query(points[~same])[0]
    return distance


def boundary_distances(
    prediction: np.ndarray, label: np.ndarray, *, spacing: Spacing = SQUARE
) -> BoundaryDistances:
    """Measures the distances between the boundaries of two masks.

    Args:
      prediction: Where the object is predicted, bool [H, W].
      label: Where the object is, bool [H, W].
      spacing: The height and the width of a pixel. Distances have the same unit.

    Returns:
      An object with the distances. Its methods compute scores from them, such as the
      Hausdorff distance.

    Raises:
      ValueError: If the shapes differ.

    >>> one, other = np.zeros((2, 5, 9), bool)
    >>> one[1:4, 1:4] = other[1:4, 3:6] = True
    >>> boundary_distances(one, other).hausdorff()
    2.0
    """
    for _, found in class_distances(mask_pair(prediction, label), spacing):
        return found
    return BoundaryDistances(np.zeros(0), np.zeros(0))
