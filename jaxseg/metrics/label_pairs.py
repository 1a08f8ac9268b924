"""Prepares a label and a prediction for scores that compare them image by image.

All these scores follow the same rules:

- Pixels with the label void belong to no class in either map. What is predicted there
  does not count, and the boundary of a predicted class ends where void begins.
- A class that occurs in neither map of an image has no score there (nan), and the image
  is left out of the means of this class.
- If a class occurs in only one of the two maps, scores from 0 to 1 are 0. Distances are
  undefined and are left out of the means; `jaxseg eval` reports how many there are.
- The boundary pixels of a class are its pixels that have at least one of their four
  neighbors outside of the class, or outside of the image.
- Distances are Euclidean distances between the centers of pixels.
"""

from __future__ import annotations

import dataclasses
import functools

import numpy as np

NOTHING = -1  # The class of void pixels.
OUTSIDE = -2  # The class of pixels outside of the image.


@dataclasses.dataclass(frozen=True, eq=False)
class LabelPair:
    """Contains a label and a prediction whose void pixels are removed from both.

    Attributes:
      label: The true classes, int32 [H, W]. It is -1 at void pixels.
      prediction: The predicted classes, int32 [H, W]. It is -1 at void pixels.
      num_classes: The number of classes K.
    """

    label: np.ndarray
    prediction: np.ndarray
    num_classes: int

    @functools.cached_property
    def classes(self) -> np.ndarray:
        """Returns the sorted classes that occur in the label or in the prediction."""
        occurs = np.zeros(self.num_classes + 1, bool)
        occurs[self.label] = occurs[self.prediction] = True  # void is the last entry
        return np.flatnonzero(occurs[:-1])

    @functools.cached_property
    def boundaries(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns two masks of the boundary pixels of all classes, bool [H, W] each.

        The first mask belongs to the label, the second one to the prediction.
        """
        return class_boundaries(self.label), class_boundaries(self.prediction)


def label_pair(
    prediction: np.ndarray, label: np.ndarray, *, num_classes: int, void: int = 255
) -> LabelPair:
    """Removes the void pixels of a label from the label and from the prediction.

    Args:
      prediction: The predicted classes, integers [H, W] from 0 to K - 1.
      label: The true classes, integers [H, W] from 0 to K - 1, or `void`.
      num_classes: The number of classes K.
      void: The ignore index.

    Raises:
      ValueError: If the shapes differ, or a value is neither a class nor void.
    """
    prediction, label = np.asarray(prediction), np.asarray(label)
    if prediction.shape != label.shape:
        raise ValueError(
            f"prediction.shape={prediction.shape} is invalid: expected {label.shape}, "
            "the shape of the label."
        )
    known = label != void
    maps = []
    for name, values in (("label", label), ("prediction", prediction)):
        cleaned = np.where(known, values.astype(np.int32), np.int32(NOTHING))
        if cleaned.size and not NOTHING <= cleaned.min() <= cleaned.max() < num_classes:
            raise ValueError(
                f"{name} with values from {values.min()} to {values.max()} is invalid: "
                f"expected classes from 0 to {num_classes - 1}."
            )
        maps.append(cleaned)
    return LabelPair(maps[0], maps[1], num_classes)


def mask_pair(prediction: np.ndarray, label: np.ndarray) -> LabelPair:
    """Converts a true and a predicted mask to a pair of labels with one class.

    Pixels of the object have the class 0, and the others -1, which means no class.

    Args:
      prediction: Where the object is predicted, bool [H, W].
      label: Where the object is, bool [H, W].

    Raises:
      ValueError: If the shapes differ.
    """
    maps = [np.asarray(mask, bool).astype(np.int32) - 1 for mask in (label, prediction)]
    if maps[0].shape != maps[1].shape:
        raise ValueError(
            f"prediction.shape={maps[1].shape} is invalid: expected {maps[0].shape}, "
            "the shape of the label."
        )
    return LabelPair(maps[0], maps[1], 1)


def class_boundaries(classes: np.ndarray) -> np.ndarray:
    """Returns which pixels have a neighbor of another class or outside of the image.

    Void pixels are no boundary pixels.

    Args:
      classes: The classes, integers [H, W], and -1 at void pixels.

    >>> class_boundaries(np.zeros((3, 3), int)).astype(int).tolist()
    [[1, 1, 1], [1, 0, 1], [1, 1, 1]]
    """
    edge = differing_neighbors(np.pad(classes, 1, constant_values=OUTSIDE))
    return edge[1:-1, 1:-1] & (classes != NOTHING)


def differing_neighbors(classes: np.ndarray) -> np.ndarray:
    """Returns which pixels have another class than one of their four neighbors.

    The result is bool [H, W]. Positions outside of the image are no neighbors.

    Args:
      classes: The class of each pixel, integers [H, W].
    """
    edge = np.zeros(classes.shape, bool)
    rows, columns = classes[1:] != classes[:-1], classes[:, 1:] != classes[:, :-1]
    edge[1:] |= rows
    edge[:-1] |= rows
    edge[:, 1:] |= columns
    edge[:, :-1] |= columns
    return edge
