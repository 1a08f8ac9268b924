"""Formats a ranking of masks as one HTML page with embedded pictures."""

from __future__ import annotations

import importlib.resources
import io
from typing import Any

import numpy as np
from PIL import Image

from jaxseg.audit.ranking.calibration import calibrated
from jaxseg.audit.ranking.colors import as_rgb
from jaxseg.audit.ranking.disagreement import Box
from jaxseg.audit.ranking.out_of_fold import OutOfFold
from jaxseg.audit.ranking.result import Ranking
from jaxseg.audit.ranking.scores import Suspect
from jaxseg.viz import page, panel

AROUND = 0.15  # The crop extends by this share of the image on each side of the region.
WIDTH = 960  # Pictures are reduced to at most this many pixels.
WHITE = (255, 255, 255)


def render(ranking: Ranking, examples: OutOfFold, *, command: str, shown: int) -> str:
    """Returns the HTML page with the masks that are most probably wrong.

    The page also shows statistics of each class.

    Args:
      ranking: The scores of all masks.
      examples: The examples and the networks, which predict the shown examples again.
      command: The command that ranked the masks.
      shown: The number of masks whose worst region is shown.
    """
    return page.render(
        importlib.resources.files("jaxseg.audit.ranking") / "templates",
        "ranking.html",
        ranking=ranking,
        command=command,
        shown=rows(ranking, examples, shown),
        colors=examples.spec.palette,
    )


def rows(ranking: Ranking, examples: OutOfFold, shown: int) -> list[dict[str, Any]]:
    """Returns what the page shows about each of the worst masks.

    Args:
      ranking: The scores of all masks.
      examples: The examples and the networks.
      shown: The number of masks.

    Returns:
      A list with a dictionary for each mask: "name", "score", "suspect" (its most
      suspicious region) and "picture" (the bytes of a JPEG file of this region). Masks
      without a suspicious region are left out.
    """
    found = []
    for index in ranking.order[:shown]:
        suspect = ranking.worst(index)
        if suspect is not None:
            found.append(
                {
                    "name": ranking.names[index],
                    "score": ranking.scores[index],
                    "suspect": suspect,
                    "picture": picture(examples, suspect, ranking.calibration.bias),
                }
            )
    return found


def picture(examples: OutOfFold, suspect: Suspect, bias: np.ndarray) -> bytes:
    """Draws the image, the mask and the prediction around a suspicious region.

    Args:
      examples: The examples and the networks.
      suspect: The region.
      bias: The bias that is added to the logit of each class, [K].

    Returns:
      The picture as the bytes of a JPEG file.
    """
    example, spec = examples.source[suspect.example], examples.spec
    predicted = calibrated(examples.probabilities(suspect.example), bias).argmax(-1)
    size = example["label"].shape
    window = _window(suspect.box, size)
    image = as_rgb(example["image"][window], spec.value_range)
    drawn = panel(
        _framed(image, suspect.box, window),
        example["label"][window],
        predicted[window],
        spec.palette,
        names=spec.classes,
        void=spec.void,
    )
    shown = Image.fromarray(drawn)
    shown.thumbnail((WIDTH, WIDTH))
    buffer = io.BytesIO()
    shown.save(buffer, "JPEG", quality=88)
    return buffer.getvalue()


def _window(box: Box, size: tuple[int, int]) -> tuple[slice, slice]:
    """Returns the rows and columns around a box."""
    height, width = size
    more = (int(AROUND * height), int(AROUND * width))
    return (
        slice(max(0, box[0] - more[0]), min(height, box[2] + more[0])),
        slice(max(0, box[1] - more[1]), min(width, box[3] + more[1])),
    )


def _framed(image: np.ndarray, box: Box, window: tuple[slice, slice]) -> np.ndarray:
    """Returns a copy of a cropped image with a white frame around a box."""
    framed = image.copy()
    top, left = box[0] - window[0].start, box[1] - window[1].start
    bottom = min(box[2] - window[0].start, image.shape[0]) - 1
    right = min(box[3] - window[1].start, image.shape[1]) - 1
    framed[[top, bottom], left : right + 1] = WHITE
    framed[top : bottom + 1, [left, right]] = WHITE
    return framed
