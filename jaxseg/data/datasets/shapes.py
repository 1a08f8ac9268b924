"""Describes generated scenes with six classes of shapes. No files are needed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from jaxseg.data.datasets.record import Dataset, Drawing
from jaxseg.data.drawings.shapes import draw_scene
from jaxseg.data.spec import DatasetSpec, generated_palette


def draw(
    rng: np.random.Generator, number: int, size: tuple[int, int]
) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
    """Generates one labeled image, and yields one pair that contains it.

    The pair consists of the name of the image and {"image": [H, W, 3], "label":
    [H, W]}, both uint8.

    Args:
      rng: The random number generator.
      number: The number of the image, which becomes its name.
      size: The (H, W) of the image in pixels.
    """
    image, label = draw_scene(rng, size)
    yield f"{number:05d}", {"image": image, "label": label}


DATASET = Dataset(
    name="shapes",
    title="Generates scenes with discs, boxes, triangles, rings, poles and wires.",
    spec=DatasetSpec(
        name="shapes",
        classes=("background", "disc", "box", "triangle", "ring", "pole", "wire"),
        palette=generated_palette(7),
    ),
    drawing=Drawing(draw, size=(96, 128), train=400, validation=100),
    counts={"train": 400, "validation": 100},
    notes=(
        "Textured objects occlude each other on a patterned ground. Poles are 2 to 3 "
        "pixels wide and wires 1 to 2. A ring of void surrounds each object. Every "
        "image depends only on the seed and its number."
    ),
)
