"""Computes scores of the boundaries between classes.

The functions take arrays of one image; those that end in `_scores` combine the counts
of several images. `jaxseg.metrics.label_pairs` states how void pixels, absent
classes and empty masks count.
"""

from jaxseg.metrics.boundary._boundary_iou import (
    boundary_iou_scores,
    inner_boundary_counts,
)
from jaxseg.metrics.boundary.contours import ContourDistances, contour_distances
from jaxseg.metrics.boundary.distances import (
    BoundaryDistances,
    boundary_distances,
    class_distances,
)
from jaxseg.metrics.boundary.trimap import band_counts, trimap_scores
from jaxseg.metrics.label_pairs import LabelPair, label_pair, mask_pair

__all__ = [
    "BoundaryDistances",
    "ContourDistances",
    "LabelPair",
    "band_counts",
    "boundary_distances",
    "boundary_iou_scores",
    "class_distances",
    "contour_distances",
    "inner_boundary_counts",
    "label_pair",
    "mask_pair",
    "trimap_scores",
]
