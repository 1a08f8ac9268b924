"""ISBI 2012 electron-microscopy slices: membrane (raw 0) and cell (raw 255).

Arganda-Carreras et al., Frontiers in Neuroanatomy 9:142 (2015); the layout of
zhixuhao/unet. Slices follow each other in one volume, so that validation slices
resemble the last training slices.
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
    mean=(0.49, 0.49, 0.49),  # of the training slices
    std=(0.17, 0.17, 0.17),
)


def config(path: str | None, *, labels: Any = (), **options) -> PairsConfig:
    """Returns the configuration for `path/image` and `path/label`.

    Args:
      path: The folder.
      labels: What mask values mean, see `jaxseg.data.labels`; by default `LABELS`.
      **options: Further fields of `PairsConfig`.
    """
    label_map = parse_labels(labels)
    if label_map is not None:
        label_map.require_classes(SPEC.num_classes, "dataset 'isbi'")
    return pairs_config(path, Builder, labels=label_map, **options)


class Builder(PairsBuilder):
    """ISBI 2012, splits train and validation."""

    LABELS = LABELS
    find_pairs = staticmethod(layouts.isbi_pairs)

    def spec(self) -> DatasetSpec:
        """The two classes."""
        return self.recorded(SPEC)
