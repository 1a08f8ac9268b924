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

    The factor is multiplied by that of `data.scale_range`.
    """

    name: ClassVar[str] = "scale"

    factor: tuple[float, float] = interval(
        (0.5, 2.0), 0.1, 10, help="The range of the factor, which is drawn uniformly."
    )
    aspect: tuple[float, float] = interval(
        (1.0, 1.0),
        0.1,
        10,
        help="The range of the change of width / height, which is drawn uniformly on a "
        "logarithmic scale. The area does not depend on it.",
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
    """Draws the crop again while one class covers too many of its labeled pixels.

    This is the parameter cat_max_ratio of MMSegmentation: a crop that has a single
    class or a class above the limit is drawn again, and the last draw is kept.
    """

    name: ClassVar[str] = "limit_share"
    by_class: ClassVar[bool] = True

    share: float = number(
        0.75, 0, 1, help="The largest share of one class in the labeled pixels."
    )
    tries: int = whole(10, 1, 100, help="How often the crop is drawn again.")

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
    """Moves the crop so that it contains a random pixel of a random class.

    Every class of the example is equally likely, so that rare classes are seen more
    often than by uniform crops.
    """

    name: ClassVar[str] = "crop_around"
    by_class: ClassVar[bool] = True

    classes: tuple[str, ...] = class_names(
        help="The classes to choose from. Without names, these are all classes."
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
    """Draws the position of a crop in a resized image, as `sample_window` does.

    Args:
      rng: The random number generator.
      scaled: The (H, W) of the resized image.
      crop: The (H, W) of the crop.
    """
    slack = [large - small for large, small in zip(scaled, crop, strict=True)]
    offset = tuple(int(rng.integers(min(0, s), max(0, s) + 1)) for s in slack)
    return Window((scaled[0], scaled[1]), (offset[0], offset[1]))
