"""Stores the classes of a multi-label task as the bits of one integer per pixel.

Bit k of a label is 1 where class k is present. Pixels that are ignored in the loss and
in the scores have the ignore index. Such labels are read, cropped, padded and stored
like labels of classes that exclude each other. At the start of a training or evaluation
step, the device unpacks them to one channel for each class.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxseg.data.spec import VOID, WIDE_VOID, DatasetSpec

NARROW = 7  # The bits of as many classes and the ignore index fit into 8 bits.
MOST_OVERLAPPING = 15  # The same for 16 bits.


def overlapping_void(num_classes: int) -> int:
    """Returns the ignore index of labels that have a bit for each class, 255 or 65535.

    Args:
      num_classes: The number of classes.

    Raises:
      ValueError: If there are too many classes.
    """
    if not 1 <= num_classes <= MOST_OVERLAPPING:
        raise ValueError(
            f"The number of overlapping classes is invalid: expected 1 to "
            f"{MOST_OVERLAPPING}, found {num_classes}."
        )
    return VOID if num_classes <= NARROW else WIDE_VOID


def pack(present: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Packs the classes of each pixel into one integer.

    Args:
      present: Booleans [..., K] for K classes, True where a class is present.
      known: Booleans [...], one for each pixel, False at pixels that get the ignore
        index.

    Returns:
      The labels, uint8 or uint16 [...].
    """
    void = overlapping_void(present.shape[-1])
    weights = 1 << np.arange(present.shape[-1])
    label = np.where(known, (present * weights).sum(-1), void)
    return label.astype(np.uint8 if void == VOID else np.uint16)


def unpack(label: Any, num_classes: int, void: int) -> tuple[Any, Any]:
    """Unpacks labels: returns the classes in each pixel, and which pixels are not void.

    Args:
      label: Integers [...], as a NumPy or JAX array.
      num_classes: The number of classes K.
      void: The ignore index.

    Returns:
      Two arrays. The first one, uint8 [..., K], is 1 where class k is present, and 0
      elsewhere and at void pixels. The second one, bool [...], is False at void pixels.
    """
    known = label != void
    places = np.arange(num_classes).reshape((1,) * label.ndim + (-1,))
    bits = (label[..., None] >> places.astype(label.dtype)) & 1
    return (bits * known[..., None]).astype(np.uint8), known


def holds(label: np.ndarray, names: Sequence[str], spec: DatasetSpec) -> bool:
    """Returns whether any pixel of a label belongs to one of the given classes.

    Args:
      label: Integers [H, W], of classes that exclude each other or can overlap.
      names: The names of the classes.
      spec: The classes of the dataset.
    """
    wanted = [spec.classes.index(name) for name in names]
    if spec.multilabel:
        present, _ = unpack(label, spec.num_classes, spec.void)
        return bool(present[..., wanted].any())
    return bool(np.isin(label, wanted).any())
