"""Converts the logits of a network to probabilities and labels.

The output of a network is of one of three kinds:

- "softmax": one logit for each of K classes that exclude each other. The label of a
  pixel is the class with the largest logit.
- "binary": one logit z for an object on a background. The probability of the object is
  sigmoid(z), and the label is 1 where it exceeds the threshold.
- "multilabel": one logit for each of K classes that can overlap. The probability of a
  class is the sigmoid of its logit, and the class is present where the probability
  exceeds the threshold.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Literal, Protocol

import jax
import jax.numpy as jnp

Kind = Literal["softmax", "binary", "multilabel"]


class Classes(Protocol):
    """Defines the attributes of a `DatasetSpec` that `form_of` reads.

    They determine how the logits of a network are converted to labels: the number of
    classes, whether the classes can overlap, and the threshold of the probability.
    """

    @property
    def num_classes(self) -> int:
        """The number of classes."""

    @property
    def multilabel(self) -> bool:
        """Whether the classes can overlap."""

    @property
    def threshold(self) -> float:
        """The probability above which an object or a class is present."""


@dataclasses.dataclass(frozen=True)
class OutputForm:
    """Converts logits to probabilities and labels.

    Attributes:
      kind: "softmax" for classes that exclude each other, "binary" for one logit of an
        object on a background, or "multilabel" for classes that can overlap.
      threshold: The probability above which an object or a class is present. It is not
        used if `kind` is "softmax".
    """

    kind: Kind = "softmax"
    threshold: float = 0.5

    @property
    def is_sigmoid(self) -> bool:
        """Returns whether each probability is the sigmoid of a single logit."""
        return self.kind != "softmax"

    def class_logits(self, logits: jax.Array) -> jax.Array:
        """Returns one logit for each class, [..., K].

        The logits of a binary task become (0, z), because the softmax of these two is
        (1 - sigmoid(z), sigmoid(z)). Other logits do not change.

        Args:
          logits: The logits of the network, [..., K], or [..., 1] for a binary task.
        """
        if self.kind != "binary":
            return logits
        return jnp.concatenate([jnp.zeros_like(logits), logits], axis=-1)

    def decision_logits(self, logits: jax.Array) -> jax.Array:
        """Returns the logits of the classes, shifted so that 0 is the threshold.

        They are [..., K]. The label of a pixel is the class with the largest of these
        logits. If classes can overlap, all classes with a logit above 0 are present.

        Args:
          logits: The logits of the network, [..., K], or [..., 1] for a binary task.
        """
        if self.threshold != 0.5 and self.is_sigmoid:
            logits = logits - math.log(self.threshold / (1 - self.threshold))
        return self.class_logits(logits)

    def probabilities(self, logits: jax.Array) -> jax.Array:
        """Returns the probability of each class, float32 [..., K].

        In a binary task, the K = 2 classes are the background and the object.

        Args:
          logits: The logits of the network, [..., K], or [..., 1] for a binary task.
        """
        logits = self.class_logits(logits.astype(jnp.float32))
        if self.kind == "multilabel":
            return jax.nn.sigmoid(logits)
        return jax.nn.softmax(logits, axis=-1)

    def labels(self, logits: jax.Array) -> jax.Array:
        """Converts logits to the label of each pixel.

        Args:
          logits: The logits of the network, [..., K], or [..., 1] for a binary task.

        Returns:
          The classes, int32 [...], or booleans [..., K] if classes can overlap.
        """
        logits = self.decision_logits(logits)
        if self.kind == "multilabel":
            return logits > 0
        return logits.argmax(-1).astype(jnp.int32)

    def labels_of(self, probabilities):
        """Converts the probabilities of classes to labels.

        The result is int32 [...], or booleans [..., K] if classes can overlap.

        Args:
          probabilities: A JAX or NumPy array of probabilities, [..., K].
        """
        if self.kind == "multilabel":
            return probabilities > self.threshold
        if self.kind == "binary":
            return (probabilities[..., 1] > self.threshold).astype("int32")
        return probabilities.argmax(-1).astype("int32")


SOFTMAX = OutputForm()


def form_of(num_logits: int, classes: Classes) -> OutputForm:
    """Returns the `OutputForm` that converts logits for the classes of a dataset.

    Args:
      num_logits: The number of logits of the network.
      classes: The classes of the dataset.

    Raises:
      ValueError: If the number of logits does not fit the classes.
    """
    if num_logits == 1 and classes.num_classes == 2 and not classes.multilabel:
        return OutputForm("binary", classes.threshold)
    if num_logits != classes.num_classes:
        binary = " or one" if classes.num_classes == 2 else ""
        raise ValueError(
            f"num_classes={num_logits} of the network is invalid: expected "
            f"{classes.num_classes}{binary}, to match the classes of the dataset."
        )
    if classes.multilabel:
        return OutputForm("multilabel", classes.threshold)
    return SOFTMAX
