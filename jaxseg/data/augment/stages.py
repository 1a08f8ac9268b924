"""Applies the augmentations of `data.augment` to one training example.

Each augmentation has a separate random generator, which depends on the seed, the
position in the training stream and the augmentation's position in the list. Changing
one augmentation therefore does not change the random parameters of the others.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from jaxseg.config import DataConfig
from jaxseg.data.augment.entry import (
    Drawn,
    Entry,
    Frame,
    GeometryEntry,
    PixelEntry,
    Scene,
    SceneEntry,
    View,
    WindowEntry,
)
from jaxseg.data.augment.parsing import check_entries, parse_entries
from jaxseg.data.augment.resampling import pixel_centers, resample, rounded
from jaxseg.data.augment.user_pipeline import load_pipeline
from jaxseg.data.spec import DatasetSpec
from jaxseg.data.transforms import Window

Generator = Callable[[int], np.random.Generator]
Partner = Callable[[np.random.Generator], Scene]


@dataclasses.dataclass(frozen=True)
class Applied:
    """Records an augmentation that was applied to an example, and its parameters.

    Attributes:
      entry: The augmentation.
      drawn: Its random parameters for this example, as JSON values.
    """

    entry: Entry
    drawn: Drawn

    def record(self) -> dict:
        """Returns a dictionary that can be stored as JSON.

        "entry" is the name of the augmentation. The other keys are the names of its
        random parameters.
        """
        return {"entry": self.entry.name, **self.drawn}


def frame_of(spec: DatasetSpec) -> Frame:
    """Returns the properties of a dataset that augmentations need, as a `Frame`."""
    low, high = spec.value_range
    return Frame(
        spec.classes,
        spec.void,
        fill=spec.mean_color,
        low=low,
        high=high,
        multilabel=spec.multilabel,
    )


def check_augment(config: DataConfig, spec: DatasetSpec) -> None:
    """Raises ValueError if an augmentation of `data.augment` does not fit a dataset."""
    check_entries(entries_of(config), crop=config.crop, frame=frame_of(spec))


def entries_of(config: DataConfig) -> tuple[Entry, ...]:
    """Returns a tuple of the augmentations that the data options select, in order.

    The augmentations of `data.augment` come first. The pipeline of
    `data.albumentations` follows.
    """
    entries = parse_entries(tuple(config.augment))
    if config.albumentations is None:
        return entries
    return (*entries, load_pipeline(config.albumentations))


def split(entries: Iterable[Entry]) -> tuple[list, list]:
    """Separates augmentations that choose the crop from those that change its pixels.

    Returns:
      Two lists of pairs (position in `entries`, augmentation). The first list has the
      augmentations that choose the crop, and the second list has the others.
    """
    numbered = list(enumerate(entries))
    windows = [pair for pair in numbered if isinstance(pair[1], WindowEntry)]
    return windows, numbered[len(windows) :]


def choose_window(
    entries: Sequence[tuple[int, Entry]], view: View, window: Window, draws: Generator
) -> tuple[Window, list[Applied]]:
    """Applies the augmentations that choose the crop, in order.

    Args:
      entries: Pairs (position in `data.augment`, augmentation).
      view: The example and its crop.
      window: The crop window before any change. It is the rectangle of the resized
        example that becomes the crop.
      draws: A function from a position in `data.augment` to the random generator of the
        augmentation at this position.

    Returns:
      A pair: the new crop window, and a list with an `Applied` for each augmentation
      that was applied, which contains its random parameters.
    """
    applied = []
    for place, entry in entries:
        rng = draws(place)
        if rng.random() < entry.probability:
            window, drawn = entry.choose(view, window, rng)
            applied.append(Applied(entry, drawn))
    return window, applied


def change_scene(
    entries: Sequence[tuple[int, Entry]],
    scene: Scene,
    draws: Generator,
    partner: Partner,
) -> tuple[Scene, list[Applied]]:
    """Applies the augmentations that change the pixels of a crop, in order.

    Args:
      entries: Pairs (position in `data.augment`, augmentation).
      scene: The crop and its label.
      draws: A function from a position in `data.augment` to the random generator of the
        augmentation at this position.
      partner: A function that draws a crop of another example.

    Returns:
      A pair: the new crop with its label, and a list with an `Applied` for each
      augmentation that was applied, which contains its random parameters.
    """
    chosen = []
    for place, entry in entries:
        rng = draws(place)
        if rng.random() < entry.probability:
            chosen.append((entry, rng))
    applied: list[Applied] = []
    for kind, group in itertools.groupby(chosen, lambda pair: _kind(pair[0])):
        if kind is GeometryEntry:
            scene, found = _moved(scene, list(group))
        elif kind is PixelEntry:
            scene, found = _recolored(scene, list(group))
        else:
            found = []
            for entry, rng in group:
                scene, drawn = entry.apply(scene, rng, partner)
                found.append(Applied(entry, drawn))
        applied += found
    return scene, applied


def _kind(entry: Entry) -> type[Entry]:
    kinds = (GeometryEntry, PixelEntry, SceneEntry)
    return next(kind for kind in kinds if isinstance(entry, kind))


def _moved(scene: Scene, group: list) -> tuple[Scene, list[Applied]]:
    """Applies consecutive geometric entries with one interpolation."""
    size = scene.label.shape
    applied = [Applied(entry, entry.draw(rng, size)) for entry, rng in group]
    exact = scene
    for each in applied:
        image = each.entry.rearranged(exact.image, each.drawn)
        if image is None:
            break
        label = each.entry.rearranged(exact.label, each.drawn)
        exact = dataclasses.replace(scene, image=image, label=label)
    else:
        return exact, applied
    points = pixel_centers(size)
    for each in reversed(applied):
        points = each.entry.origin(points, each.drawn, size)
    return resample(scene, points), applied


def _recolored(scene: Scene, group: list) -> tuple[Scene, list[Applied]]:
    """Applies consecutive entries that change values, and rounds once at the end."""
    low, width = scene.frame.low, scene.frame.high - scene.frame.low
    image = (scene.image.astype(np.float32) - np.float32(low)) / np.float32(width)
    applied = []
    for entry, rng in group:
        drawn = entry.draw(rng)
        image = np.clip(entry.change(image, drawn), 0, 1)
        applied.append(Applied(entry, drawn))
    stored = rounded(image * np.float32(width) + np.float32(low), scene.image.dtype)
    return dataclasses.replace(scene, image=stored), applied
