"""Drawn lesions, each labeled by four raters who do not agree; they need no files.

An example is one image with one rater's label, `0007_r2`: training draws raters at
random, and evaluation finds the raters of an image by its name.
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
    """Yields one case, once for each rater."""
    case = draw_case(rng, size)
    for rater, label in enumerate(case.labels):
        yield f"{number:04d}_r{rater}", {"image": case.image, "label": label}


DATASET = Dataset(
    name="raters",
    title="Drawn lesions, each labeled by four raters who do not agree.",
    spec=DatasetSpec(
        name="raters", classes=("ground", "lesion"), palette=generated_palette(2)
    ),
    drawing=Drawing(draw, size=(64, 64), train=300, validation=60),
    counts={"train": 300 * RATERS, "validation": 60 * RATERS},
    notes=(
        "How many raters draw nothing, the core, or core and rim follows from the kind "
        "of rim, which the image shows: a sharp lesion 0, 4 and 0 of four; a faint rim "
        "1, 2 and 1; a bright rim 0, 1 and 3. The setting is that of the Probabilistic "
        "U-Net. Every case follows from the seed and its number alone."
    ),
)
