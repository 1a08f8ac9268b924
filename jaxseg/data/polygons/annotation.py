"""Defines the common form of the annotations of labeling tools."""

from __future__ import annotations

import dataclasses
from typing import Literal

import numpy as np

Ring = tuple[tuple[float, float], ...]


@dataclasses.dataclass(frozen=True)
class Shape:
    """Describes an annotated object or region of an image.

    Attributes:
      label: The name of its class.
      rings: Closed rings of (x, y) points in pixels. The point (0, 0) is the top left
        corner of the image and (0.5, 0.5) the center of its first pixel.
      mask: The pixels of a painted shape, bool [H, W], or None for polygons.
      union: Whether the rings are parts of one object that may overlap. Otherwise a
        ring inside another ring is a hole.
    """

    label: str
    rings: tuple[Ring, ...] = ()
    mask: np.ndarray | None = dataclasses.field(default=None, compare=False)
    union: bool = False


@dataclasses.dataclass(frozen=True)
class AnnotatedImage:
    """Holds the shapes of an image in the order of the annotation file.

    Attributes:
      name: The name of the image file in the annotation.
      size: The (H, W) of the image in pixels.
      shapes: The shapes.
      origin: The annotation file, for messages.
    """

    name: str
    size: tuple[int, int]
    shapes: tuple[Shape, ...]
    origin: str = ""


@dataclasses.dataclass(frozen=True)
class DrawRules:
    """States how shapes become a label map.

    Attributes:
      classes: The class names in label order.
      outside: The class of pixels without a shape, or "void".
      overlap: The shape that a pixel of several shapes belongs to. "later" selects the
        last one in the file, as most labeling tools show it, and "smaller" the one with
        the smallest area. "void" makes pixels of two classes void, as the training
        recipe of torchvision does for COCO.
      void_labels: The labels that become void.

    Raises:
      ValueError: If `outside` is not a class, or a class is also in `void_labels`.
    """

    classes: tuple[str, ...]
    outside: str = "void"
    overlap: Literal["later", "smaller", "void"] = "later"
    void_labels: tuple[str, ...] = ()

    def __post_init__(self):
        if self.outside not in (*self.classes, "void"):
            raise ValueError(
                f"outside={self.outside!r} is invalid: expected 'void' or one of "
                f"{', '.join(self.classes)}."
            )
        if both := sorted(set(self.classes) & set(self.void_labels)):
            raise ValueError(
                f"void_labels={self.void_labels} is invalid: expected labels that are "
                f"not classes, but {both[0]!r} is a class."
            )
        if self.overlap not in ("later", "smaller", "void"):
            raise ValueError(
                f"overlap={self.overlap!r} is invalid: expected later, smaller or void."
            )
