"""Furnished rooms as point clouds; they need no files."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from jaxseg.data.datasets.record import Dataset, Drawing
from jaxseg.data.drawings.rooms import draw_room
from jaxseg.data.spec import DatasetSpec, generated_palette


def draw(
    rng: np.random.Generator, number: int, size: tuple[int, int]
) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
    """Yields one room, whose number of points lies within `size`."""
    low, high = size
    count = int(rng.integers(low, high, endpoint=True))
    points, color, label = draw_room(rng, count)
    yield f"{number:05d}", {"points": points, "color": color, "label": label}


DATASET = Dataset(
    name="rooms",
    title="Drawn rooms with furniture, as point clouds.",
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
        "Positions are in meters, and z points upward. Points lie on the surfaces with "
        "5 mm of noise, more densely on furniture. All classes draw their colors from "
        "one range, so that color alone does not tell them apart; door and board stand "
        "out from their wall only by their outline and some 3 cm. One point in fifty "
        "floats in the air without a class. Every room follows from the seed and its "
        "number alone."
    ),
    version="1.1.0",
)
