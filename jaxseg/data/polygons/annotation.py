"""The common form of the annotations that labeling tools write."""

from __future__ import annotations

import dataclasses
from typing import Literal

import numpy as np

Ring = tuple[tuple[float, float], ...]


@dataclasses.dataclass(frozen=True)
class Shape:
    """An annotated object or region of an image.

    Attributes:
      label: The name of its class.
      rings: Closed rings of (x, y) points in pixels, where (0, 0) is the top left
        corner of the image and (0.5, 0.5) the center of its first pixel.
      mask: The pixels of the shape, bool [H, W], for annotations that were painted;
        None for polygons.
      union: Whether the rings are parts of one object that may overlap. Otherwise a
        ring inside another ring is a hole.
    """

    label: str
    rings: tuple[Ring, ...] = ()
    mask: np.ndarray | None = dataclasses.field(default=None, compare=False)
    union: bool = False


@dataclasses.dataclass(frozen=True)
class AnnotatedImage:
    """An image with its shapes, in the order in which the file lists them.

    Attributes:
      name: The name of the image file, as the annotation gives it.
      size: (H, W) of the image in pixels.
      shapes: The shapes.
      origin: The annotation file, for messages.
    """

    name: str
    size: tuple[int, int]
    shapes: tuple[Shape, ...]
    origin: str = ""


@dataclasses.dataclass(frozen=True)
class DrawRules:
    """How shapes become a label map.

    Attributes:
      classes: The class names in label order.
      outside: What a pixel without a shape is: the name of a class, or "void".
      overlap: Which shape a pixel of several shapes belongs to: "later" takes the one
        that the file lists last, as most labeling tools show it, "smaller" takes the
        one with the smallest area, and "void" makes pixels of two classes void, as the
        training recipe of torchvision does for COCO.
      void_labels: Labels that become void.

    Raises:
      ValueError: If `outside` is not a class, or a class is void as well.
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
                f"not classes, and {both[0]!r} is one."
            )
        if self.overlap not in ("later", "smaller", "void"):
            raise ValueError(
                f"overlap={self.overlap!r} is invalid: expected later, smaller or void."
            )
