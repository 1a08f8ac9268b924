"""Mixes a training crop with parts of other examples.

The other examples are cropped in the same way as the first one. Augmentations that
precede the mixing in `data.augment` do not change the other examples. Augmentations
that follow it change the mixed crop.
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
    """Replaces a random rectangle of the crop by the same part of another crop.

    The other crop is from another example. The fraction of the crop's area that is
    replaced is drawn from the distribution Beta(alpha, alpha), as in CutMix (arXiv
    1905.04899).
    """

    name: ClassVar[str] = "cut_mix"

    alpha: float = number(
        1.0,
        0.01,
        100,
        help="The parameter of the distribution Beta(alpha, "
        "alpha), from which the replaced fraction of the crop's area is drawn.",
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
    """Pastes all pixels of randomly chosen classes from another training example.

    The pixels of a class are taken from the label of the other example. ClassMix (arXiv
    2007.07936) takes them from the prediction of a network instead.
    """

    name: ClassVar[str] = "class_mix"
    by_class: ClassVar[bool] = True

    share: float = number(
        0.5,
        0,
        1,
        help="The fraction of the other example's classes whose pixels are pasted. "
        "The number of these classes is rounded up.",
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
    """Pastes randomly chosen objects from another example (arXiv 2012.07177).

    An object is a connected region of one class. Differs: the paper pastes annotated
    instances. Here, objects of one class that touch are pasted as one object, because
    the label does not separate them.
    """

    name: ClassVar[str] = "copy_paste"
    by_class: ClassVar[bool] = True

    classes: tuple[str, ...] = class_names(
        help=(
            "The names of the classes whose objects are pasted; () means all classes."
        )
    )
    count: int = whole(
        3, 1, 1_000, help="The largest number of objects pasted into a crop."
    )
    min_pixels: int = whole(
        16,
        1,
        2**31 - 1,
        help="Objects with fewer pixels than this number are not pasted.",
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
    """Composes the crop from four rectangles, each from a different example.

    The four rectangles meet at a random point. One shows the original example.
    """

    name: ClassVar[str] = "mosaic"

    margin: float = number(
        0.25,
        0,
        0.5,
        help="The smallest distance between the borders of the crop and the point at "
        "which the four rectangles meet, as a fraction of the height or the width of "
        "the crop.",
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
    """Copies chosen pixels and their labels from one crop into another.

    Args:
      scene: The crop that receives the pixels. It is not changed.
      other: The crop from which the pixels are copied.
      chosen: Bool [H, W], True at the pixels to copy.

    Returns:
      A new crop: `other` at the chosen pixels and `scene` elsewhere.
    """
    image = np.where(chosen[..., None], other.image, scene.image)
    label = np.where(chosen, other.label, scene.label)
    return dataclasses.replace(scene, image=image, label=label)
