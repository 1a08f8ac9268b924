"""Mixes a training crop with parts of other examples.

The other examples are cropped like the first one. Entries before a mixing entry in the
list do not change the other examples; entries after it change the mixed crop.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import ClassVar

import numpy as np
from scipy import ndimage

from jaxseg.data.augment.classes import chosen_classes
from jaxseg.data.augment.degradation import rectangle
from jaxseg.data.augment.entry import Drawn, Scene, SceneEntry
from jaxseg.data.augment.parameters import class_names, number, whole

Partner = Callable[[np.random.Generator], Scene]


@dataclasses.dataclass(frozen=True, kw_only=True)
class CutMix(SceneEntry):
    """Replaces a random rectangle by the same part of another example.

    The share of the crop that is replaced is drawn from Beta(alpha, alpha), as in arXiv
    1905.04899.
    """

    name: ClassVar[str] = "cut_mix"

    alpha: float = number(
        1.0, 0.01, 100, help="The parameter of the beta distribution."
    )

    def apply(
        self, scene: Scene, rng: np.random.Generator, partner: Partner
    ) -> tuple[Scene, Drawn]:
        side = float(rng.beta(self.alpha, self.alpha)) ** 0.5
        top, left, bottom, right = rectangle(rng, scene.label.shape, (side, side))
        chosen = np.zeros(scene.label.shape, bool)
        chosen[top:bottom, left:right] = True
        return pasted(scene, partner(rng), chosen), {"box": [top, left, bottom, right]}


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClassMix(SceneEntry):
    """Pastes all pixels of randomly chosen classes of another example.

    The classes are those of the label. (In arXiv 2007.07936, they are predicted.)
    """

    name: ClassVar[str] = "class_mix"
    by_class: ClassVar[bool] = True

    share: float = number(
        0.5, 0, 1, help="The share of the classes that is pasted, rounded up."
    )

    def apply(
        self, scene: Scene, rng: np.random.Generator, partner: Partner
    ) -> tuple[Scene, Drawn]:
        other = partner(rng)
        present = chosen_classes((), other.label, other.frame)
        count = int(np.ceil(self.share * len(present)))
        taken = np.sort(rng.choice(present, count, replace=False)) if count else []
        mixed = pasted(scene, other, np.isin(other.label, taken))
        return mixed, {"classes": [scene.frame.classes[k] for k in taken]}


@dataclasses.dataclass(frozen=True, kw_only=True)
class CopyPaste(SceneEntry):
    """Pastes objects of another example (arXiv 2012.07177).

    An object is a connected region of one class. Differs: the paper pastes annotated
    instances; masks of classes do not separate objects that touch.
    """

    name: ClassVar[str] = "copy_paste"
    by_class: ClassVar[bool] = True

    classes: tuple[str, ...] = class_names(
        help=(
            "The classes whose objects are pasted. Without names, these are all "
            "classes."
        )
    )
    count: int = whole(3, 1, 1_000, help="The largest number of objects.")
    min_pixels: int = whole(
        16, 1, 2**31 - 1, help="The smallest number of pixels of an object."
    )

    def apply(
        self, scene: Scene, rng: np.random.Generator, partner: Partner
    ) -> tuple[Scene, Drawn]:
        other = partner(rng)
        objects = []
        for value in chosen_classes(self.classes, other.label, other.frame):
            regions, _ = ndimage.label(other.label == value)
            sizes = np.bincount(regions.ravel())
            large = np.flatnonzero(sizes >= self.min_pixels)
            objects += [(int(value), regions, k) for k in large if k > 0]
        order = rng.permutation(len(objects))[: self.count]
        chosen = np.zeros(scene.label.shape, bool)
        for k in order:
            _, regions, region = objects[k]
            chosen |= regions == region
        names = [scene.frame.classes[objects[k][0]] for k in order]
        return pasted(scene, other, chosen), {"objects": names}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Mosaic(SceneEntry):
    """Composes the crop from the quarters of four examples.

    The quarters meet at a random point. Three of them come from other examples.
    """

    name: ClassVar[str] = "mosaic"

    margin: float = number(
        0.25,
        0,
        0.5,
        help="The smallest distance of the point to the borders of the crop, as a "
        "share of its sides.",
    )

    def apply(
        self, scene: Scene, rng: np.random.Generator, partner: Partner
    ) -> tuple[Scene, Drawn]:
        row, column = (
            round(rng.uniform(self.margin, 1 - self.margin) * side)
            for side in scene.label.shape
        )
        own = int(rng.integers(4))
        rows, columns = np.indices(scene.label.shape, sparse=True)
        quarter = 2 * (rows >= row) + (columns >= column)
        for value in range(4):
            if value != own:
                scene = pasted(scene, partner(rng), quarter == value)
        return scene, {"meeting_point": [row, column], "own_quarter": own}


def pasted(scene: Scene, other: Scene, chosen: np.ndarray) -> Scene:
    """Replaces the chosen pixels of a scene, bool [H, W], by those of another scene."""
    image = np.where(chosen[..., None], other.image, scene.image)
    label = np.where(chosen, other.label, scene.label)
    return dataclasses.replace(scene, image=image, label=label)
