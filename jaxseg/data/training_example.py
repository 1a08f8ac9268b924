"""Creates the augmented example for a position of the training stream.

The host takes these steps:

1. `data.elastic` deforms the whole image.
2. `data.scale_range` and `data.crop` choose a random window of the resized image.
3. Augmentations that choose windows, such as "limit_share", can replace this window.
   They are at the start of `data.augment`.
4. The window is cut out.
5. The other augmentations of `data.augment` change the crop, one after the other.
6. The pipeline of `data.albumentations` changes the crop.

The device then applies `data.flip` and `data.color_jitter`.
"""

from __future__ import annotations

import dataclasses
import functools

import numpy as np

from jaxseg.config import DataConfig
from jaxseg.data import elastic
from jaxseg.data import shuffle as order
from jaxseg.data.area import Area
from jaxseg.data.augment import stages
from jaxseg.data.augment.entry import Scene, View
from jaxseg.data.draws import train_draw
from jaxseg.data.source import Source
from jaxseg.data.transforms import (
    Window,
    cut_image,
    cut_label,
    needed_area,
    sample_window,
)


@dataclasses.dataclass(frozen=True)
class Drawn:
    """Contains the random parameters that the host has drawn for one training example.

    Attributes:
      index: The index of the example in the source.
      device_seed: The seed for `data.flip` and `data.color_jitter` on the device.
      window: The crop window in the resized image.
      nodes: The elastic deformation: the displacements, along rows and along columns,
        of a grid of 3 x 3 points, [2, 3, 3] in pixels. None if there is no deformation.
      applied: The augmentations of `data.augment` that were applied, in order.
    """

    index: int
    device_seed: np.uint32
    window: Window
    nodes: np.ndarray | None = None
    applied: tuple[stages.Applied, ...] = ()


def train_example(
    source: Source, config: DataConfig, seed: int, position: int
) -> dict[str, np.ndarray]:
    """Returns the augmented example at a position of the training stream.

    It is {"image": [h, w, C], "label": [h, w], "seed": uint32, "index": int32}, where
    "seed" is the seed of the augmentation on the device, and "index" is the index of
    the example in the source.

    Args:
      source: The examples.
      config: The options of the crop and of the augmentation.
      seed: The seed of the training stream.
      position: The position in the training stream, from 0.
    """
    example, _ = drawn_example(source, config, seed, position)
    return example


def drawn_example(
    source: Source, config: DataConfig, seed: int, position: int
) -> tuple[dict[str, np.ndarray], Drawn]:
    """Returns an augmented example of the training stream, and its random parameters.

    The example is the dictionary that `train_example` returns.

    Args:
      source: The examples.
      config: The options of the crop and of the augmentation.
      seed: The seed of the training stream.
      position: The position in the training stream, from 0.
    """
    index, rng, device_seed = train_draw(source, config, seed, position)
    draws = functools.partial(order.entry_generator, seed, position)
    scene, cut = _cut(source, config, index, rng=rng, draws=draws)

    def partner(rng: np.random.Generator) -> Scene:
        other = int(rng.integers(len(source)))
        return _cut(source, config, other, rng=rng, draws=lambda place: rng)[0]

    _, entries = stages.split(stages.entries_of(config))
    scene, applied = stages.change_scene(entries, scene, draws, partner)
    example = {
        "image": np.ascontiguousarray(scene.image),
        "label": np.ascontiguousarray(scene.label),
        "seed": device_seed,
        "index": np.int32(index),
    }
    drawn = dataclasses.replace(
        cut, device_seed=device_seed, applied=(*cut.applied, *applied)
    )
    return example, drawn


def _cut(
    source: Source,
    config: DataConfig,
    index: int,
    *,
    rng: np.random.Generator,
    draws: stages.Generator,
) -> tuple[Scene, Drawn]:
    """Deforms an example and cuts a random window out of it."""
    opened, crop, spec = source.open(index), config.crop, source.spec
    whole = Area.whole(opened.size)
    window = sample_window(rng, opened.size, crop=crop, scale_range=config.scale_range)
    entries, _ = stages.split(stages.entries_of(config))
    # These entries read the label before it is deformed, which is close enough for the
    # choice of a crop.
    frame = stages.frame_of(spec)
    view = View(lambda: opened.label(whole), size=opened.size, crop=crop, frame=frame)
    window, applied = stages.choose_window(entries, view, window, draws)
    nodes = elastic.sample_nodes(rng, config.elastic) if config.elastic else None
    if nodes is None:
        area = needed_area(window, opened.size, crop=crop)
        image, label = opened.image(area), opened.label(area)
    else:
        area, field = whole, elastic.displacement(nodes, opened.size)
        image, label = elastic.deform(opened.image(area), opened.label(area), field)
    scene = Scene(
        cut_image(image, window, crop=crop, fill=spec.mean_color, area=area),
        cut_label(label, window, crop=crop, void=spec.void, area=area),
        frame,
    )
    return scene, Drawn(
        index,
        device_seed=np.uint32(0),
        window=window,
        nodes=nodes,
        applied=tuple(applied),
    )
