"""Finds which classes occur in a label map, so that an augmentation can choose one."""

from __future__ import annotations

import numpy as np

from jaxseg.data.augment.entry import Frame


def chosen_classes(
    names: tuple[str, ...], label: np.ndarray, frame: Frame
) -> np.ndarray:
    """Returns the indices of the classes that occur in a label and in `names`.

    Args:
      names: The names of the classes to look for, or an empty tuple for all classes.
      label: The class number of each pixel, integer [H, W].
      frame: The names of all classes of the dataset and the ignore index.

    Returns:
      The class indices in ascending order, an integer array with one axis.
    """
    found = np.flatnonzero(np.bincount(label.ravel(), minlength=frame.void + 1))
    found = found[found != frame.void]
    if names:
        found = found[[frame.classes[k] in names for k in found]]
    return found
