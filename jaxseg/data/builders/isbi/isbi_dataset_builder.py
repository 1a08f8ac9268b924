"""ISBI 2012 electron-microscopy slices: membrane (raw 0) and cell (raw 255).

Arganda-Carreras et al., Frontiers in Neuroanatomy 9:142 (2015); the layout of
zhixuhao/unet. Slices follow each other in one volume, so that validation slices
resemble the last training slices.
"""

from __future__ import annotations

import numpy as np

from jaxseg.data import layouts
from jaxseg.data.builders.pairs import PairsBuilder, PairsConfig, pairs_config
from jaxseg.data.reader import DEFAULTS, ReadOptions
from jaxseg.data.spec import DatasetSpec

RAW_CELL = 255
SPEC = DatasetSpec(
    "isbi",
    ("membrane", "cell"),
    ((32, 32, 96), (240, 220, 130)),
    mean=(0.49, 0.49, 0.49),  # of the training slices
    std=(0.17, 0.17, 0.17),
)


def config(
    path: str | None, *, on_bad_file: str = "stop", reading: ReadOptions = DEFAULTS
) -> PairsConfig:
    """Configuration for `path/image` and `path/label`."""
    return pairs_config(path, Builder, on_bad_file=on_bad_file, reading=reading)


class Builder(PairsBuilder):
    """ISBI 2012, splits train and validation."""

    find_pairs = staticmethod(layouts.isbi_pairs)

    def spec(self) -> DatasetSpec:
        """The two classes."""
        return SPEC

    def stored_labels(self, labels: np.ndarray) -> np.ndarray:
        """Raw 0 is class 0, raw 255 class 1.

        Raises:
            ValueError: on any other value.
        """
        wrong = labels[(labels != 0) & (labels != RAW_CELL)]
        if wrong.size:
            raise ValueError(f"raw label {wrong[0]}; 0 and {RAW_CELL} are allowed")
        return (labels == RAW_CELL).astype(np.uint8)
