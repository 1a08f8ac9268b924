"""Builds the ISBI 2012 electron-microscopy slices from the files of zhixuhao/unet.

The mask value 0 is membrane and 255 is cell. The slices are consecutive parts of one
volume, so validation slices resemble the last training slices.

References:
  Arganda-Carreras et al., Frontiers in Neuroanatomy 9:142 (2015).
"""

from __future__ import annotations

from typing import Any

from jaxseg.data import layouts
from jaxseg.data.builders.pairs import PairsBuilder, PairsConfig, pairs_config
from jaxseg.data.labels import LabelMap, parse_labels
from jaxseg.data.spec import DatasetSpec

LABELS = LabelMap(((0, 0), (255, 1)))
SPEC = DatasetSpec(
    "isbi",
    ("membrane", "cell"),
    ((32, 32, 96), (240, 220, 130)),
    mean=(0.49, 0.49, 0.49),  # Measured on the training slices.
    std=(0.17, 0.17, 0.17),
)


def config(path: str | None, *, labels: Any = (), **options) -> PairsConfig:
    """Returns the configuration for `path/image` and `path/label`.

    Args:
      path: The folder.
      labels: The label map of the masks, in a form that `jaxseg.data.labels` describes.
        The default is `LABELS`.
      **options: Further fields of `PairsConfig`.
    """
    label_map = parse_labels(labels)
    if label_map is not None:
        label_map.require_classes(SPEC.num_classes, "dataset 'isbi'")
    return pairs_config(path, Builder, labels=label_map, **options)


class Builder(PairsBuilder):
    """Builds ISBI 2012 with the splits train and validation."""

    LABELS = LABELS
    find_pairs = staticmethod(layouts.isbi_pairs)

    def spec(self) -> DatasetSpec:
        """Returns the description of the two classes."""
        return self.recorded(SPEC)
