"""Chooses the part of an example that becomes the training crop."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np

from jaxseg.data.augment.classes import chosen_classes
from jaxseg.data.augment.entry import Drawn, View, WindowEntry
from jaxseg.data.augment.parameters import class_names, interval, number, whole
from jaxseg.data.transforms import Window, cut_label


@dataclasses.dataclass(frozen=True, kw_only=True)
class Scale(WindowEntry):
    """Resizes the example by a random factor and changes its aspect ratio.

    The random factor is multiplied by the factor that is drawn from `data.scale_range`.
    """

    name: ClassVar[str] = "scale"

    factor: tuple[float, float] = interval(
        (0.5, 2.0),
        0.1,
        10,
        help="The lower and upper limit of the factor by "
        "which height and width are resized, which is drawn uniformly.",
    )
    aspect: tuple[float, float] = interval(
        (1.0, 1.0),
        0.1,
        10,
        help="The lower and upper limit of the factor by which the ratio width / "
        "height is multiplied. The factor is drawn uniformly on a logarithmic scale "
        "and does not change the area of the resized example.",
    )

    def choose(
        self, view: View, window: Window, rng: np.random.Generator
    ) -> tuple[Window, Drawn]:
        factor = rng.uniform(*self.factor)
        aspect = float(np.exp(rng.uniform(*np.log(self.aspect))))
        sides = (factor / aspect**0.5, factor * aspect**0.5)
        scaled = tuple(
            max(1, int(side * change + 0.5))
            for side, change in zip(window.scaled, sides, strict=True)
        )
        moved = random_window(rng, scaled, view.crop)
        return moved, {"factor": factor, "aspect": aspect}


@dataclasses.dataclass(frozen=True, kw_only=True)
class LimitShare(WindowEntry):
    """Draws another crop if one class covers too much of it, up to `tries` times.

    A crop is rejected if it has a single class, or if one class covers at least the
    fraction `share` of its labeled pixels. If all tries fail, the last crop is used.
    MMSegmentation calls this limit cat_max_ratio.
    """

    name: ClassVar[str] = "limit_share"
    by_class: ClassVar[bool] = True

    share: float = number(
        0.75,
        0,
        1,
        help="A crop is rejected if one class covers this fraction of its labeled "
        "pixels or more.",
    )
    tries: int = whole(
        10,
        1,
        100,
        help="The largest number of further crops that are drawn after a rejected one.",
    )

    def choose(
        self, view: View, window: Window, rng: np.random.Generator
    ) -> tuple[Window, Drawn]:
        for redrawn in range(self.tries):
            if self._mixed(view, window):
                return window, {"redrawn": redrawn}
            window = random_window(rng, window.scaled, view.crop)
        return window, {"redrawn": self.tries}

    def _mixed(self, view: View, window: Window) -> bool:
        void = view.frame.void
        cut = cut_label(view.label, window, crop=view.crop, void=void)
        counts = np.bincount(cut[cut != void])
        counts = counts[counts > 0]
        return len(counts) > 1 and counts.max() / counts.sum() < self.share


@dataclasses.dataclass(frozen=True, kw_only=True)
class CropAround(WindowEntry):
    """Moves the crop so that it contains a random pixel of a randomly chosen class.

    Every class in the label of the example is equally likely, so that crops contain
    rare classes more often than if their positions were uniform.
    """

    name: ClassVar[str] = "crop_around"
    by_class: ClassVar[bool] = True

    classes: tuple[str, ...] = class_names(
        help="The classes from which the class of the pixel inside the crop is chosen "
        "at random; () means all classes."
    )

    def choose(
        self, view: View, window: Window, rng: np.random.Generator
    ) -> tuple[Window, Drawn]:
        present = chosen_classes(self.classes, view.label, view.frame)
        if not len(present):
            return window, {"class": None}
        number = int(rng.choice(present))
        places = np.flatnonzero(view.label == number)
        pixel = np.unravel_index(rng.choice(places), view.size)
        moved = []
        for axis in (0, 1):
            scaled, crop = window.scaled[axis], view.crop[axis]
            side = view.size[axis]
            center = (2 * int(pixel[axis]) + 1) * scaled // (2 * side)
            low, high = sorted((0, scaled - crop))
            start = center - int(rng.integers(crop))
            moved.append(min(max(start, low), high))
        drawn = {"class": view.frame.classes[number], "pixel": [int(p) for p in pixel]}
        return Window(window.scaled, (moved[0], moved[1])), drawn


def random_window(
    rng: np.random.Generator, scaled: tuple[int, ...], crop: tuple[int, int]
) -> Window:
    """Draws a crop window at a random position in a resized image.

    Args:
      rng: The random number generator.
      scaled: The (H, W) of the resized image.
      crop: The (H, W) of the crop.

    Returns:
      A `Window` with the size of the resized image and the (row, column) of the first
      pixel of the crop in it. If the image is smaller than the crop, the row or column
      can be negative, and the crop contains padding.
    """
    slack = [large - small for large, small in zip(scaled, crop, strict=True)]
    offset = tuple(int(rng.integers(min(0, s), max(0, s) + 1)) for s in slack)
    return Window((scaled[0], scaled[1]), (offset[0], offset[1]))
