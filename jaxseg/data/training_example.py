"""Makes the augmented example at a position of the training stream."""

from __future__ import annotations

import dataclasses

import numpy as np

from jaxseg.config import DataConfig
from jaxseg.data import elastic
from jaxseg.data.area import Area
from jaxseg.data.draws import train_draw
from jaxseg.data.opened import Opened
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
    """Contains the random parameters of one training example that the host samples.

    Attributes:
      index: The index of the example in the source.
      device_seed: The seed of the augmentation on the device.
      window: The crop of the resized image.
      nodes: The displacements of the grid nodes, [2, 3, 3] in pixels, or None.
    """

    index: int
    device_seed: np.uint32
    window: Window
    nodes: np.ndarray | None = None


def train_example(
    source: Source, config: DataConfig, seed: int, position: int
) -> dict[str, np.ndarray]:
    """Returns the augmented example at a position of the training stream.

    Args:
      source: The examples.
      config: The crop and the augmentation.
      seed: The seed of the training stream.
      position: The position in the training stream, from 0.
    """
    opened, drawn = drawn_example(source, config, seed, position)
    crop, window = config.crop, drawn.window
    if drawn.nodes is None:
        area = needed_area(window, opened.size, crop=crop)
        image, label = opened.image(area), opened.label(area)
    else:
        area = Area.whole(opened.size)
        field = elastic.displacement(drawn.nodes, area.size)
        image, label = elastic.deform(opened.image(area), opened.label(area), field)
    spec = source.spec
    return {
        "image": cut_image(image, window, crop=crop, fill=spec.mean_color, area=area),
        "label": cut_label(label, window, crop=crop, void=spec.void, area=area),
        "seed": drawn.device_seed,
        "index": np.int32(drawn.index),
    }


def drawn_example(
    source: Source, config: DataConfig, seed: int, position: int
) -> tuple[Opened, Drawn]:
    """Returns the example at a position before augmentation, and its random parameters.

    Parts of the example can be read from the result.

    Args:
      source: The examples.
      config: The crop and the augmentation.
      seed: The seed of the training stream.
      position: The position in the training stream, from 0.
    """
    index, rng, device_seed = train_draw(source, config, seed, position)
    opened = source.open(index)
    window = sample_window(
        rng,
        opened.size,
        crop=config.crop,
        scale_range=config.scale_range,
    )
    nodes = elastic.sample_nodes(rng, config.elastic) if config.elastic else None
    return opened, Drawn(index, device_seed=device_seed, window=window, nodes=nodes)
