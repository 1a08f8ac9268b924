"""Defines the types to which the annotations of all labeling tools are converted."""

from __future__ import annotations

import dataclasses
from typing import Literal

import numpy as np

from jaxseg.text import did_you_mean

Ring = tuple[tuple[float, float], ...]


@dataclasses.dataclass(frozen=True)
class Shape:
    """Describes an annotated object or region of an image.

    Attributes:
      label: The name of its class.
      rings: The outlines: closed rings of (x, y) points in pixels. The point (0, 0) is
        the top left corner of the image and (0.5, 0.5) the center of its first pixel.
      mask: The pixels of a painted shape, bool [H, W], or None for polygons.
      union: If True, the shape consists of all pixels inside any ring. If False, a ring
        inside another ring is a hole.
    """

    label: str
    rings: tuple[Ring, ...] = ()
    mask: np.ndarray | None = dataclasses.field(default=None, compare=False)
    union: bool = False


@dataclasses.dataclass(frozen=True)
class AnnotatedImage:
    """Contains the shapes of an image in the order of the annotation file.

    Attributes:
      name: The name of the image file in the annotation.
      size: The (H, W) of the image in pixels.
      shapes: The shapes.
      origin: The annotation file, for error messages.
    """

    name: str
    size: tuple[int, int]
    shapes: tuple[Shape, ...]
    origin: str = ""


@dataclasses.dataclass(frozen=True)
class DrawRules:
    """Defines how the shapes of an image are converted to a label map.

    Attributes:
      classes: The class names in label order.
      outside: The class of pixels outside of all shapes, or "void".
      overlap: The class of a pixel inside several shapes. "later" selects the class of
        the last shape in the file, which most labeling tools draw on top. "smaller"
        selects the class of the shape with the smallest area. "void" makes the pixel
        void if the classes differ, as the training code of torchvision does for COCO.
      void_labels: The annotation labels whose pixels become void.

    Raises:
      ValueError: If there is no class, `outside` is not a class, or a class is also in
        `void_labels`.
    """

    classes: tuple[str, ...]
    outside: str = "void"
    overlap: Literal["later", "smaller", "void"] = "later"
    void_labels: tuple[str, ...] = ()

    def __post_init__(self):
        if not self.classes:
            raise ValueError(
                "classes=() is invalid: expected at least one class. Label a shape in "
                "the annotations, or pass the names of the classes."
            )
        if self.outside not in (*self.classes, "void"):
            raise ValueError(
                f"outside={self.outside!r} is invalid: expected 'void' or one of "
                f"{', '.join(self.classes)}."
                f"{did_you_mean(self.outside, (*self.classes, 'void'))}"
            )
        if both := sorted(set(self.classes) & set(self.void_labels)):
            raise ValueError(
                f"void_labels={self.void_labels} is invalid: expected labels that are "
                f"not classes, but {both[0]!r} is a class."
            )
        if self.overlap not in ("later", "smaller", "void"):
            raise ValueError(
                f"overlap={self.overlap!r} is invalid: expected 'later', 'smaller' or "
                "'void'."
            )
