"""Defines the four kinds of augmentations, and the crop that they change.

An entry of the option `data.augment` becomes a frozen dataclass whose fields are the
parameters of the augmentation. An entry has no random state. Each application gets a
separate generator, which depends on the seed, the position in the training stream and
the position of the entry in the list.
"""

from __future__ import annotations

import abc
import dataclasses
import functools
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from jaxseg.data.augment.parameters import number
from jaxseg.data.transforms import Window

Drawn = dict[str, Any]  # drawn parameters by name, as JSON values


@dataclasses.dataclass(frozen=True)
class Frame:
    """Contains the properties of a dataset that augmentations need.

    Attributes:
      classes: The names of the classes in label order.
      void: The ignore index, which fills labels outside the image.
      fill: The value of each channel, in stored units, for pixels outside the image.
      low, high: The stored values that are mapped to 0 and 1.
      multilabel: Whether the classes can overlap. A label then contains one bit for
        each class.
    """

    classes: tuple[str, ...]
    void: int
    fill: tuple[float, ...]
    low: float = 0.0
    high: float = 255.0
    multilabel: bool = False


@dataclasses.dataclass(frozen=True)
class Scene:
    """Contains a training crop: the image and its label.

    Attributes:
      image: Uint8, uint16 or float32 [H, W, C], as stored.
      label: Integer [H, W].
      frame: The value range, the classes and the ignore index of the dataset.
    """

    image: np.ndarray
    label: np.ndarray
    frame: Frame


@dataclasses.dataclass(frozen=True, kw_only=True)
class Entry(abc.ABC):
    """Is the base class of the augmentations that `data.augment` can list.

    Class attributes:
      name: The name of the augmentation in `data.augment`.
      rgb: Whether the augmentation needs images of three channels.
      square: Whether the augmentation needs a square crop.
      by_class: Whether the augmentation needs labels with one class per pixel.
    """

    name: ClassVar[str]
    rgb: ClassVar[bool] = False
    square: ClassVar[bool] = False
    by_class: ClassVar[bool] = False

    probability: float = number(
        1.0,
        0,
        1,
        help="The probability that the augmentation is applied to an example.",
    )


class WindowEntry(Entry):
    """Is the base class of augmentations that change the crop's position or scale."""

    @abc.abstractmethod
    def choose(
        self, view: View, window: Window, rng: np.random.Generator
    ) -> tuple[Window, Drawn]:
        """Changes the crop window of one example at random.

        The crop window is the rectangle of the resized example that becomes the
        training crop.

        Args:
          view: The example and the size of the crop.
          window: The crop window before the change.
          rng: The random number generator.

        Returns:
          A pair: the new crop window, and a dictionary of the random parameters that
          were drawn.
        """


@dataclasses.dataclass(frozen=True)
class View:
    """Describes the example for which an augmentation chooses the crop window.

    The crop window is the rectangle of the resized example that becomes the training
    crop.

    Attributes:
      read: A function that reads the label of the whole example, integer [H, W].
      size: The (H, W) of the example in pixels.
      crop: The (H, W) of the training crop in pixels.
      frame: The value range, the classes and the ignore index of the dataset.
    """

    read: Callable[[], np.ndarray]
    size: tuple[int, int]
    crop: tuple[int, int]
    frame: Frame

    @functools.cached_property
    def label(self) -> np.ndarray:
        """Returns the label of the whole example, [H, W]. The first use reads it."""
        return self.read()


class GeometryEntry(Entry):
    """Is the base class of augmentations that move pixels of an image and its label.

    Points are continuous positions in pixels: the top left corner of the image is
    (0, 0), and the center of its first pixel is (0.5, 0.5).
    """

    @abc.abstractmethod
    def draw(self, rng: np.random.Generator, size: tuple[int, int]) -> Drawn:
        """Draws the random parameters for a crop of `size` (H, W), as a dictionary."""

    @abc.abstractmethod
    def origin(
        self, points: np.ndarray, drawn: Drawn, size: tuple[int, int]
    ) -> np.ndarray:
        """Maps points of the augmented crop to their positions in the original crop.

        Args:
          points: The (row, column) of each point in the augmented crop, [2, H, W].
          drawn: The random parameters, as `draw` returned them.
          size: The (H, W) of the crop in pixels.

        Returns:
          The (row, column) of each point in the original crop, [2, H, W].
        """

    def rearranged(self, array: np.ndarray, drawn: Drawn) -> np.ndarray | None:
        """Applies an augmentation that only reorders pixels, such as a flip.

        Args:
          array: The image or the label, [H, W, ...].
          drawn: The random parameters.

        Returns:
          The image or label after the change, or None if the augmentation must
          interpolate between pixels.
        """
        return None


class PixelEntry(Entry):
    """Is the base class of augmentations that change an image, but not its label."""

    @abc.abstractmethod
    def draw(self, rng: np.random.Generator) -> Drawn:
        """Draws the random parameters of one application, as a dictionary."""

    @abc.abstractmethod
    def change(self, image: np.ndarray, drawn: Drawn) -> np.ndarray:
        """Changes the pixel values of an image, and returns the new image.

        Args:
          image: Float32 [H, W, C], in which the value range is [0, 1]. The caller clips
            values of the result that are outside this range.
          drawn: The random parameters, as `draw` returned them.
        """


class SceneEntry(Entry):
    """Is the base class of augmentations that change a crop and its label together.

    They can paste pixels of other examples into the crop.
    """

    @abc.abstractmethod
    def apply(
        self,
        scene: Scene,
        rng: np.random.Generator,
        partner: Callable[[np.random.Generator], Scene],
    ) -> tuple[Scene, Drawn]:
        """Augments a training crop and its label.

        Args:
          scene: The crop and its label.
          rng: The random number generator for this application.
          partner: A function that draws another training crop of equal size. Each call
            returns a different crop.

        Returns:
          A pair: the augmented crop with its label, and a dictionary of the random
          parameters that were drawn.
        """
