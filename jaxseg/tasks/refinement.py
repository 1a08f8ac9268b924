"""Segments an image by graph cuts, from scribbles, a box or predicted probabilities."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from jaxseg.data.reader import ReadOptions
from jaxseg.inference.grabcut import (
    COMPONENTS,
    GAMMA,
    Cut,
    grab_cut,
    graph_cut,
    seeds_of_box,
)
from jaxseg.inference.graphcut import cut_probabilities
from jaxseg.inference.images import read_rgb
from jaxseg.inference.mincut import UNKNOWN
from jaxseg.text import as_message
from jaxseg.weights.formats import npz

OBJECT, BACKGROUND = (255, 0, 0), (0, 0, 255)  # the colors of scribbles
GAMMA_OF_PROBABILITIES = 10.0  # A larger one is smoother, but can lose thin objects.


@dataclasses.dataclass(frozen=True)
class Marks:
    """Marks an object in an image, by scribbles, a box or both.

    Attributes:
      scribbles: An image file of the same size with red strokes on the object and blue
        strokes on the background, or None.
      box: A box around the object, x0, y0, x1, y1 in pixels, or None.
    """

    scribbles: Path | None = None
    box: tuple[int, int, int, int] | None = None


@dataclasses.dataclass(frozen=True)
class CutOptions:
    """Contains the options of a graph cut that separates an object from the background.

    Attributes:
      method: "grabcut" alternates between a cut and fitting the colors; "graphcut" cuts
        once.
      gamma: The weight of the cost of boundaries.
      components: The number of components of the Gaussian mixtures of the colors.
      iterations: The largest number of cuts of grabcut.
    """

    method: Literal["grabcut", "graphcut"] = "grabcut"
    gamma: float = GAMMA
    components: int = COMPONENTS
    iterations: int = 20


class RefinedLabels(NamedTuple):
    """Contains predicted labels whose boundaries were moved to edges in the image.

    Attributes:
      label: Class indices, integers [H, W].
      num_classes: The number of classes.
      changed: The fraction of the pixels whose class changed.
    """

    label: np.ndarray
    num_classes: int
    changed: float


def cut_out(
    image: np.ndarray, marks: Marks, options: CutOptions, reading: ReadOptions
) -> Cut:
    """Separates an object from the background by graph cuts.

    Args:
      image: The image, uint8 [H, W, 3].
      marks: The scribbles, the box or both.
      options: The options of the cut.
      reading: The options with which the file of scribbles is read.

    Returns:
      A `Cut`. It contains the label map, 1 at the object and 0 at the background, and
      the energy after each cut.

    Raises:
      ValueError: If the marks or an option are invalid.
    """
    seeds = seeds_of(marks, image.shape[:2], reading)
    how = {"gamma": options.gamma, "components": options.components}
    if options.method == "graphcut":
        return graph_cut(image, seeds, **how)
    start = None if marks.box is None else "object"
    return grab_cut(image, seeds, iterations=options.iterations, start=start, **how)


def seeds_of(marks: Marks, size: tuple[int, int], reading: ReadOptions) -> np.ndarray:
    """Determines which pixels the user's box and scribbles mark.

    Returns:
      Int8 [H, W]: 1 at pixels of the object, 0 at pixels of the background, and -1 at
      pixels that are not marked.

    Raises:
      ValueError: If the marks are invalid, or if they mark no background pixel.
    """
    seeds = np.full(size, UNKNOWN, np.int8)
    if marks.box is not None:
        seeds = seeds_of_box(size, marks.box)
    if marks.scribbles is not None:
        strokes = read_scribbles(marks.scribbles, size, reading)
        seeds = np.where(strokes == UNKNOWN, seeds, strokes)
        if not (seeds == 0).any():
            raise ValueError(
                f"scribbles={marks.scribbles} is invalid without a box: expected "
                f"background pixels. {rules()}"
            )
    return seeds


def refined(
    image: np.ndarray, path: Path, gamma: float = GAMMA_OF_PROBABILITIES
) -> RefinedLabels:
    """Moves the boundaries between predicted classes to edges in the image.

    The result is a `RefinedLabels`, with the new labels and the fraction of the pixels
    whose class changed.

    Args:
      image: The image, uint8 [H, W, 3].
      path: The .npz file with the probabilities that `jaxseg predict` wrote.
      gamma: The weight of the cost of boundaries.

    Raises:
      ValueError: If the file is damaged or does not fit the image.
    """
    probability = read_probabilities(path)
    label = cut_probabilities(probability, image, gamma=gamma)
    changed = float((label != probability.argmax(-1)).mean())
    return RefinedLabels(label, probability.shape[-1], changed)


def read_scribbles(
    path: Path, size: tuple[int, int], reading: ReadOptions
) -> np.ndarray:
    """Reads an image file in which a user has marked an object and the background.

    Returns:
      Int8 [H, W]: 1 at red pixels (the object), 0 at blue pixels (the background), and
      -1 at all other pixels.

    Raises:
      ValueError: If the size differs from that of the image, or if no object is marked.
    """
    pixels = read_rgb(path, reading)
    if pixels.shape[:2] != size:
        raise ValueError(
            f"scribbles={path} is invalid: expected the size {size} of the image, "
            f"found {pixels.shape[:2]}."
        )
    strokes = np.full(size, UNKNOWN, np.int8)
    strokes[(pixels == OBJECT).all(-1)] = 1
    strokes[(pixels == BACKGROUND).all(-1)] = 0
    if not (strokes == 1).any():
        raise ValueError(
            f"scribbles={path} is invalid: expected object pixels. {rules()}"
        )
    return strokes


def rules() -> str:
    """Returns a sentence for error messages that says how to draw scribbles."""
    return (
        f"Draw the object in exactly the color {OBJECT} and the background in "
        f"{BACKGROUND}, and save the image as PNG."
    )


def read_probabilities(path: Path) -> np.ndarray:
    """Reads the probabilities [H, W, K] in an .npz file that `jaxseg predict` wrote.

    Raises:
      ValueError: If the file is damaged or contains no probabilities.
    """
    try:
        found = npz.read(str(path), ["probabilities"]).get("probabilities")
        if found is None:
            raise ValueError("the file has no array named probabilities")
        if found.dtype.kind != "f" or found.ndim != 3 or not 2 <= found.shape[-1] < 256:
            raise ValueError(f"the probabilities are {found.dtype} {list(found.shape)}")
        if not ((found >= 0) & (found <= 1)).all():
            raise ValueError("some probabilities are not between 0 and 1")
    except ValueError as error:
        reason = as_message(error).removeprefix(f"{path}: ").removesuffix(".")
        raise ValueError(
            f"probabilities={path} is invalid: expected a file of `jaxseg predict "
            f"--probabilities`, with floating-point values [H, W, K] ({reason})."
        ) from error
    return found
