"""Describes generated scenes whose classes are decided by marks at a known distance.

No files are needed. `data.variant` selects the distance in pixels: "distance6",
"distance8" (the default), "distance12" or "distance16".
"""

from __future__ import annotations

import functools
from collections.abc import Iterator

import numpy as np

from jaxseg.data.datasets.record import Dataset, Drawing
from jaxseg.data.datasets.variants import Choice, Option
from jaxseg.data.drawings.distance import draw_marks
from jaxseg.data.spec import DatasetSpec, generated_palette

DEFAULT, OTHERS = 8, (6, 12, 16)


def draw(
    rng: np.random.Generator, number: int, size: tuple[int, int], *, distance: int
) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
    """Generates one labeled image, and yields one pair that contains it.

    The pair consists of the name of the image and {"image": [H, W, 3], "label":
    [H, W]}, both uint8.

    Args:
      rng: The random number generator.
      number: The number of the image, which becomes its name.
      size: The (H, W) of the image in pixels.
      distance: The distance in pixels from an object to the mark that decides its
        class.
    """
    image, label = draw_marks(rng, size, distance)
    yield f"{number:05d}", {"image": image, "label": label}


def drawing(distance: int) -> Drawing:
    """Returns a `Drawing`, which describes how the examples are generated.

    Args:
      distance: The distance in pixels from an object to the mark that decides its
        class.
    """
    return Drawing(
        functools.partial(draw, distance=distance),
        size=(64, 64),
        train=400,
        validation=100,
        sized="{}x{}_" + f"distance{distance}",
    )


DATASET = Dataset(
    name="distance",
    title="Generates equal squares whose class is the color of a mark at a distance.",
    spec=DatasetSpec(
        name="distance",
        classes=("ground", "red_mark", "green_mark"),
        palette=generated_palette(3),
    ),
    drawing=drawing(DEFAULT),
    options=(
        Option(
            "distance",
            (
                Choice(f"distance{DEFAULT}", f"marks are {DEFAULT} pixels away"),
                *(
                    Choice(
                        f"distance{pixels}",
                        f"marks are {pixels} pixels away",
                        {"drawing": drawing(pixels)},
                    )
                    for pixels in OTHERS
                ),
            ),
        ),
    ),
    counts={"train": 400, "validation": 100},
    notes=(
        "Objects look alike and the ground is noise, so the texture says nothing about "
        "the class. The mark is above, below, left or right of its object. Marks at "
        "other distances have random colors. Every image depends only on the seed and "
        "its number."
    ),
)
