"""Builds the stored examples of point cloud datasets from their original files."""

from __future__ import annotations

from typing import Any

import numpy as np

from jaxseg.data import layouts
from jaxseg.data.builders.named import cloud_features
from jaxseg.data.builders.pairs import PairsBuilder


class CloudsBuilder(PairsBuilder, skip_registration=True):
    """Builds the examples {"points", "color", "label", "id"} of point cloud datasets.

    The field `layout` of a dataset finds pairs of an image and a mask. Here the image
    of a pair stands for all files of one cloud, and the pair has no mask.
    """

    def features(self) -> dict[str, Any]:
        """Returns a dictionary from each array's name to its feature (of tfds)."""
        return cloud_features()

    def check_masks(self, splits: dict[str, list[layouts.Pair]]) -> None:
        """Does nothing, because clouds have no masks.

        The builder of images checks the pixel values of all masks here.
        """

    def read(self, pair: layouts.Pair) -> tuple[dict[str, Any], np.ndarray, int]:
        """Reads one point cloud.

        Args:
          pair: The files of the cloud.

        Returns:
          Three values: the dictionary {"points", "color", "label"} of arrays; the
          labels of the N points, uint8 [N]; and the number 1. The builder of images
          returns an orientation tag in this place, and 1 is the tag of an image that is
          not rotated.

        Raises:
          ValueError: If a file is damaged or its content is invalid.
        """
        points, color, label = self.dataset.read_cloud(pair.image)
        return {"points": points, "color": color, "label": label}, label, 1
