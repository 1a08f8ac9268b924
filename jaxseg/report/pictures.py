"""Chooses validation images, and draws them with labels, predictions and errors."""

from __future__ import annotations

import dataclasses
import io
import math
from collections.abc import Sequence

import numpy as np
from PIL import Image

from jaxseg.data.spec import DatasetSpec
from jaxseg.report.measure import Measurement
from jaxseg.viz import as_rgb, overlay

EACH = 3  # The number of images of each group of one run; one fewer for several runs.
SIDE = 480  # The longest side of a picture in pixels.
SHARP = 200  # Pictures whose longer side is smaller are enlarged without smoothing.
OPACITY = 0.6  # Shows the colors of classes and still the image below them.
WRONG = (213, 94, 0)  # Vermilion, which color-blind readers tell from gray.
UNLABELED = (38, 48, 66)  # A dark blue-gray, far from vermilion and from light gray.


@dataclasses.dataclass(frozen=True)
class Shot:
    """Contains the pictures of one validation image.

    Attributes:
      name: The name of the image.
      scores: The IoU of the image in each run: the mean over the classes of the image.
      pictures: Pairs of a caption and the bytes of a PNG or JPEG file.
      sharp: Whether the image is so small that the browser should enlarge it without
        blurring its pixels.
    """

    name: str
    scores: tuple[float, ...]
    pictures: tuple[tuple[str, bytes], ...]
    sharp: bool


@dataclasses.dataclass(frozen=True)
class Gallery:
    """Contains a heading, such as "Lowest IoU", and the images below it."""

    heading: str
    shots: tuple[Shot, ...]


def draw_galleries(
    names: Sequence[str], runs: Sequence[Measurement], spec: DatasetSpec
) -> list[Gallery]:
    """Returns pictures of the validation images with the lowest and the highest IoU.

    If there are several runs, images are ranked by their mean IoU over the runs. The
    images whose IoU differs most between the first and the last run are drawn as well.
    The result is a list of groups of images, each with a heading.

    Args:
      names: The names of the runs.
      runs: The evaluation of each run. All runs have predicted the same images.
      spec: The classes.
    """
    scores = np.array([[one.score for one in run.predicted] for run in runs])
    drawn: dict[int, Shot] = {}
    galleries = []
    for heading, chosen in _groups(scores):
        shots = []
        for place in chosen:
            if place not in drawn:
                drawn[place] = _shot(names, runs, spec, place)
            shots.append(drawn[place])
        if shots:
            galleries.append(Gallery(heading, tuple(shots)))
    return galleries


def same_images(runs: Sequence[Measurement]) -> bool:
    """Returns whether all runs have predicted images with the same names and sizes."""
    found = [[(one.name, one.shape) for one in run.predicted] for run in runs]
    return all(one == found[0] for one in found)


def _groups(scores: np.ndarray) -> list[tuple[str, list[int]]]:
    """Returns the headings, each with the places of its images."""
    mean, each = scores.mean(0), EACH if len(scores) == 1 else EACH - 1
    known = np.flatnonzero(~np.isnan(mean))
    order = known[np.argsort(mean[known], kind="stable")].tolist()
    count = min(each, len(order) // 2) if len(order) > 1 else len(order)
    groups = [("Lowest IoU", order[:count]), ("Highest IoU", order[::-1][:count])]
    if len(scores) > 1:
        change = scores[-1] - scores[0]
        moved = known[np.argsort(change[known], kind="stable")].tolist()
        lost = [place for place in moved if change[place] < 0][:each]
        gained = [place for place in moved[::-1] if change[place] > 0][:each]
        groups = [("Largest loss", lost), ("Largest gain", gained), *groups]
    return groups


def _shot(names, runs, spec, place) -> Shot:
    example = runs[0].source[place]
    image = as_rgb(example["image"], spec.value_range)
    label = example["label"]
    look = {"alpha": OPACITY, "void": spec.void}
    pictures = [
        ("image", image),
        ("label", overlay(image, label, spec.palette, **look)),
    ]
    for name, run in zip(names, runs, strict=True):
        guess = run.predicted[place].labels()
        start = f"{name}: " if len(runs) > 1 else ""
        drawn = overlay(image, guess, spec.palette, **look | {"void": 65535})
        pictures.append((f"{start}prediction", drawn))
        pictures.append((f"{start}errors", error_map(image, label, guess, spec.void)))
    return Shot(
        runs[0].predicted[place].name,
        scores=tuple(run.predicted[place].score for run in runs),
        pictures=tuple((caption, encode(drawn)) for caption, drawn in pictures),
        sharp=max(label.shape) < SHARP,
    )


def error_map(
    image: np.ndarray, label: np.ndarray, prediction: np.ndarray, void: int
) -> np.ndarray:
    """Draws wrong pixels in vermilion over a pale gray image.

    Args:
      image: uint8 [H, W, 3].
      label: The classes, [H, W]. Pixels with the ignore index are dark.
      prediction: The predicted classes, [H, W].
      void: The ignore index.

    Returns:
      uint8 [H, W, 3].
    """
    gray = image.astype(np.float64).mean(-1, keepdims=True)
    drawn = np.broadcast_to(140 + 0.45 * gray, image.shape).copy()
    known = label != void
    drawn[known & (label != prediction)] = WRONG
    drawn[~known] = UNLABELED
    return np.clip(np.rint(drawn), 0, 255).astype(np.uint8)


def encode(picture: np.ndarray) -> bytes:
    """Returns a picture as a PNG file if it is small, else as a JPEG file.

    Args:
      picture: uint8 [H, W, 3].
    """
    image = Image.fromarray(picture)
    buffer = io.BytesIO()
    longest = max(image.size)
    if longest < SHARP:
        image.save(buffer, "PNG", optimize=True)
        return buffer.getvalue()
    if longest > SIDE:
        ratio = SIDE / longest
        size = tuple(max(1, math.floor(side * ratio + 0.5)) for side in image.size)
        image = image.resize(size, Image.Resampling.BOX)
    image.save(buffer, "JPEG", quality=82, optimize=True)
    return buffer.getvalue()
