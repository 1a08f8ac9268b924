"""Describes generated rooms with furniture as point clouds. No files are needed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from jaxseg.data.datasets.record import Dataset, Drawing
from jaxseg.data.drawings.rooms import draw_room
from jaxseg.data.spec import DatasetSpec, generated_palette


def draw(
    rng: np.random.Generator, number: int, size: tuple[int, int]
) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
    """Generates one room, and yields one pair that contains it.

    The pair consists of the name of the room and {"points": float32 [N, 3] in meters,
    "color": uint8 [N, 3], "label": uint8 [N]}.

    Args:
      rng: The random number generator.
      number: The number of the room, which becomes its name.
      size: The smallest and the largest number of points.
    """
    low, high = size
    count = int(rng.integers(low, high, endpoint=True))
    points, color, label = draw_room(rng, count)
    yield f"{number:05d}", {"points": points, "color": color, "label": label}


DATASET = Dataset(
    name="rooms",
    title="Generates rooms with furniture as point clouds.",
    spec=DatasetSpec(
        name="rooms",
        classes=(
            "floor",
            "ceiling",
            "wall",
            "door",
            "board",
            "table",
            "chair",
            "shelf",
            "lamp",
        ),
        palette=generated_palette(9),
    ),
    drawing=Drawing(draw, size=(1000, 2000), train=300, validation=60, sized="{}-{}"),
    kind="clouds",
    counts={"train": 300, "validation": 60},
    notes=(
        "Positions are in meters, and z points upward. Points are on the surfaces with "
        "5 mm of noise, and denser on furniture. The colors of all classes come from "
        "one range, so color alone does not distinguish them. Door and board differ "
        "from their wall only in outline and in a distance of 3 cm. One point in fifty "
        "is in the air and has no class. Every room depends only on the seed and its "
        "number."
    ),
    version="1.1.0",
)
