"""Describes generated lesions that four raters label differently.

An example consists of one image and the label of one rater. Its name, such as
`0007_r2`, contains the number of the image and the number of the rater. Examples are
chosen at random in training. Evaluation uses the names to group the examples of one
image. No files are needed.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from jaxseg.data.datasets.record import Dataset, Drawing
from jaxseg.data.drawings.raters import RATERS, draw_case
from jaxseg.data.spec import DatasetSpec, generated_palette


def draw(
    rng: np.random.Generator, number: int, size: tuple[int, int]
) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
    """Yields a pair for each of the four raters of one generated image.

    The pair consists of the name of the example and {"image": [H, W, 3], "label":
    [H, W]}, both uint8.

    Args:
      rng: The random number generator.
      number: The number of the image, which is a part of the names of its examples.
      size: The (H, W) of the image in pixels.
    """
    case = draw_case(rng, size)
    for rater, label in enumerate(case.labels):
        yield f"{number:04d}_r{rater}", {"image": case.image, "label": label}


DATASET = Dataset(
    name="raters",
    title="Generates lesions that four raters label differently.",
    spec=DatasetSpec(
        name="raters", classes=("ground", "lesion"), palette=generated_palette(2)
    ),
    drawing=Drawing(draw, size=(64, 64), train=300, validation=60),
    counts={"train": 300 * RATERS, "validation": 60 * RATERS},
    notes=(
        "The kind of rim in the image determines how many of the four raters label "
        "nothing, the core, or the core and the rim: 0, 4 and 0 for a sharp lesion, 1, "
        "2 and 1 for a faint rim, and 0, 1 and 3 for a bright rim. The setting is that "
        "of the Probabilistic U-Net. Every case depends only on the seed and its "
        "number."
    ),
)
