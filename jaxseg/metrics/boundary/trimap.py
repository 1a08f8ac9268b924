"""Scores the pixels near boundaries in bands of growing width (trimaps).

P. Kohli, L. Ladicky, P. Torr, "Robust higher order potentials for enforcing label
consistency", IJCV 82 (2009), introduced the measure. P. Krähenbühl and V. Koltun,
"Efficient inference in fully connected CRFs", arXiv 1210.5644, plot it as a function of
the width of the band.

- With `around="boundary"`, the band of width w contains the labeled pixels whose
  distance to the nearest boundary pixel of the label is less than w. A pixel is a
  boundary pixel if one of its four neighbors has another class or is void. The band of
  width 1 therefore contains one pixel on either side of each boundary. The border of
  the image is no boundary.
- With `around="void"`, the band of width w contains the labeled pixels whose distance
  to the nearest void pixel is at most w. DeepLab v2 (arXiv 1606.00915, section 4.1.3)
  and DeepLab v3+ use this band on PASCAL VOC, where void pixels surround the objects.

Differs: the cited works do not define the shape of the dilation. Here it is a disc.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
from scipy import ndimage

from jaxseg.metrics.label_pairs import NOTHING, LabelPair, differing_neighbors

WIDEST = 40  # The widest band in pixels.
Around = Literal["boundary", "void"]


class BandCounts(NamedTuple):
    """Contains pixel counts in bands of width 1, 2, ..., W around boundaries or void.

    Attributes:
      classes: The classes that occur in the image, integers [k].
      counts: Three pixel counts for each band and class, int64 [W, 3, k]: the pixels
        whose label and prediction are both the class, the pixels whose label is the
        class, and the pixels whose prediction is the class.
    """

    classes: np.ndarray
    counts: np.ndarray


def band_counts(
    pair: LabelPair, *, widest: int = WIDEST, around: Around = "boundary"
) -> BandCounts:
    """Counts the pixels of each class in bands around boundaries or void pixels.

    Args:
      pair: The label and the prediction.
      widest: The width W of the widest band, in pixels.
      around: What the bands surround, "boundary" or "void".

    Raises:
      ValueError: If an argument is out of range.
    """
    if widest < 1 or around not in ("boundary", "void"):
        raise ValueError(
            f"widest={widest}, around={around!r} is invalid: expected widest >= 1 "
            "(pixels), and around='boundary' or around='void'."
        )
    classes = pair.classes
    width = first_band(pair.label, around)
    inside = (pair.label != NOTHING) & (width <= widest)
    place = np.zeros(pair.num_classes, np.int64)
    place[classes] = np.arange(len(classes))
    count = max(len(classes), 1)
    label, prediction = (place[m[inside]] for m in (pair.label, pair.prediction))
    cell = (width[inside] * count + label) * count + prediction
    size = (widest + 1) * count * count
    found = np.bincount(cell, minlength=size).reshape(widest + 1, count, count)
    totals = np.cumsum(found, axis=0)[1:]
    hits = np.diagonal(totals, axis1=1, axis2=2)
    counts = np.stack([hits, totals.sum(2), totals.sum(1)], axis=1)
    return BandCounts(classes, counts[:, :, : len(classes)])


def first_band(label: np.ndarray, around: Around) -> np.ndarray:
    """Returns the width of the narrowest band that contains each pixel, int64 [H, W].

    Args:
      label: The classes, integers [H, W], and -1 at void pixels.
      around: What the bands surround, "boundary" or "void".
    """
    center = label == NOTHING if around == "void" else differing_neighbors(label)
    if not center.any():
        return np.full(label.shape, np.iinfo(np.int64).max)
    distance = ndimage.distance_transform_edt(~center)
    if around == "void":
        return np.ceil(distance).astype(np.int64)
    return np.floor(distance).astype(np.int64) + 1


def trimap_scores(images: list[BandCounts], num_classes: int) -> dict[str, Any]:
    """Computes the mean IoU in each band around boundaries or void, over all images.

    A class that occurs in a band neither in the labels nor in the predictions is left
    out of the mean of this band.

    Args:
      images: The counts of the images, as `band_counts` returns them.
      num_classes: The number of classes K.

    Returns:
      "trimap_iou", float64 [W]: the mean IoU in the bands of width 1, 2, ..., W.
    """
    if not images:
        return {"trimap_iou": np.full(WIDEST, np.nan)}
    total = np.zeros((*images[0].counts.shape[:2], num_classes), np.int64)
    for classes, counts in images:
        total[:, :, classes] += counts
    hit, label, prediction = total[:, 0], total[:, 1], total[:, 2]
    union = label + prediction - hit
    iou = np.divide(hit, union, out=np.zeros(hit.shape), where=union > 0)
    known = (union > 0).sum(1)
    mean = np.full(len(iou), np.nan)
    np.divide(iou.sum(1), known, out=mean, where=known > 0)
    return {"trimap_iou": mean}
