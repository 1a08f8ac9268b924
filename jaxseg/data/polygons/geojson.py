"""Converts label maps to GeoJSON (RFC 7946)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.ndimage

from jaxseg.data.ignore_index import void_of
from jaxseg.data.polygons.annotation import Ring
from jaxseg.data.polygons.trace import trace_rings


def label_features(
    labels: np.ndarray,
    classes: Sequence[str],
    *,
    transform: Sequence[float] = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0),
    min_pixels: int = 1,
    void: int | None = None,
) -> dict[str, Any]:
    """Converts the regions of a label map to a GeoJSON FeatureCollection.

    Each connected region (of pixels that share an edge) becomes one Polygon with its
    holes. Its properties are the class, the label and the area in pixels.

    Args:
      labels: The label map, integers [H, W]. Void pixels get no feature.
      classes: The class names in label order.
      transform: The affine map (a, b, c, d, e, f) from pixel corners to coordinates, x
        = a column + b row + c and y = d column + e row + f. rasterio uses this order,
        too. The default gives coordinates in pixels.
      min_pixels: Regions with fewer pixels are left out.
      void: The ignore index. The default is 255 for up to 255 classes, else 65535.

    Returns:
      The collection as a dictionary for `json.dumps`.
    """
    void = void_of(len(classes)) if void is None else void
    features = []
    for number in np.unique(labels):
        if number == void:
            continue
        regions, count = scipy.ndimage.label(labels == number)
        boxes = scipy.ndimage.find_objects(regions)
        for region, box in zip(range(1, count + 1), boxes, strict=True):
            mask = regions[box] == region
            pixels = int(mask.sum())
            if pixels < min_pixels:
                continue
            top, left = box[0].start, box[1].start
            rings = [_moved(ring, left, top) for ring in trace_rings(mask)]
            rings.sort(key=_doubled_area, reverse=True)  # The outline comes first.
            features.append(
                {
                    "type": "Feature",
                    "properties": {
                        "class": classes[number],
                        "label": int(number),
                        "pixels": pixels,
                    },
                    "geometry": {
                        "type": "Polygon",
                        "coordinates": [_closed(r, transform) for r in rings],
                    },
                }
            )
    return {"type": "FeatureCollection", "features": features}


def _moved(ring: Ring, left: int, top: int) -> Ring:
    return tuple((x + left, y + top) for x, y in ring)


def _doubled_area(ring: Ring) -> float:
    x, y = np.array(ring).T
    return abs(float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))))


def _closed(ring: Ring, transform: Sequence[float]) -> list[list[float]]:
    """Returns the coordinates of a ring, which ends with its first point."""
    a, b, c, d, e, f = transform
    points = [[a * x + b * y + c, d * x + e * y + f] for x, y in ring]
    return [*points, points[0]]
