"""Describes generated scenes whose classes are decided by specks of 1 to 3 pixels.

No files are needed. `data.variant` selects the size of the specks: "sizes1to3" (the
default), "size1", "size2" or "size3".
"""

from __future__ import annotations

import functools
from collections.abc import Iterator

import numpy as np

from jaxseg.data.datasets.record import Dataset, Drawing
from jaxseg.data.datasets.variants import Choice, Option
from jaxseg.data.drawings.specks import SIZES, draw_specks
from jaxseg.data.spec import DatasetSpec, generated_palette

DEFAULT = "sizes1to3"


def draw(
    rng: np.random.Generator,
    number: int,
    size: tuple[int, int],
    *,
    sizes: tuple[int, ...],
) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
    """Generates one labeled image, and yields one pair that contains it.

    The pair consists of the name of the image and {"image": [H, W, 3], "label":
    [H, W]}, both uint8.

    Args:
      rng: The random number generator.
      number: The number of the image, which becomes its name.
      size: The (H, W) of the image in pixels.
      sizes: The sides of specks in pixels, from which that of each speck is chosen.
    """
    image, label = draw_specks(rng, size, sizes)
    yield f"{number:05d}", {"image": image, "label": label}


def drawing(name: str, sizes: tuple[int, ...]) -> Drawing:
    """Returns a `Drawing`, which describes how the examples are generated.

    Args:
      name: The name of the variant, which becomes a part of the name of the data.
      sizes: The sides of specks in pixels, from which that of each speck is chosen.
    """
    return Drawing(
        functools.partial(draw, sizes=sizes),
        size=(64, 64),
        train=800,
        validation=200,
        sized="{}x{}_" + name,
    )


DATASET = Dataset(
    name="specks",
    title="Generates equal squares whose class is the color of a speck near them.",
    spec=DatasetSpec(
        name="specks",
        classes=("ground", "red_speck", "green_speck"),
        palette=generated_palette(3),
    ),
    drawing=drawing(DEFAULT, SIZES),
    options=(
        Option(
            "size",
            (
                Choice(DEFAULT, "each speck has a side of 1, 2 or 3 pixels"),
                *(
                    Choice(
                        f"size{side}",
                        f"all specks have a side of {side} pixel{'s' * (side > 1)}",
                        {"drawing": drawing(f"size{side}", (side,))},
                    )
                    for side in SIZES
                ),
            ),
        ),
    ),
    counts={"train": 800, "validation": 200},
    notes=(
        "Objects look alike and the ground is noise. The speck is at a distance of 5 "
        "to 9 pixels from the center of its object, in any direction, so a network "
        "whose receptive field has holes does not see all specks. Other specks are at "
        "least 17 pixels away. Every image depends only on the seed and its number."
    ),
)
