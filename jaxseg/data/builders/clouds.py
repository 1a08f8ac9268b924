"""Builds point clouds from the files that a layout names."""

from __future__ import annotations

from typing import Any

import numpy as np

from jaxseg.data import layouts
from jaxseg.data.builders.named import cloud_features
from jaxseg.data.builders.pairs import PairsBuilder


class CloudsBuilder(PairsBuilder, skip_registration=True):
    """Builds {"points", "color", "label", "id"} from the files of one cloud.

    The layout names all files of a cloud as the image of a pair. There is no mask.
    """

    def features(self) -> dict[str, Any]:
        """Returns the types of the entries of an example."""
        return cloud_features()

    def check_masks(self, splits: dict[str, list[layouts.Pair]]) -> None:
        """Does nothing, because clouds have no masks."""

    def read(self, pair: layouts.Pair) -> tuple[dict[str, Any], np.ndarray, int]:
        """Returns the entries of a cloud, its labels and the orientation tag 1.

        Args:
          pair: The files of the cloud.

        Raises:
          ValueError: If a file is bad.
        """
        points, color, label = self.dataset.read_cloud(pair.image)
        return {"points": points, "color": color, "label": label}, label, 1
