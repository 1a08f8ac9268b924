"""Compares the logits of a PyTorch network and of its import in jaxseg on images."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from jaxseg.bench.compare.fitting import fitted
from jaxseg.bench.compare.layers import Layer, changed_variables, first_different
from jaxseg.bench.compare.pair import Pair
from jaxseg.bench.compare.preprocessing import (
    Preprocessing,
    Step,
    of_jaxseg,
    of_library,
    steps,
)
from jaxseg.bench.compare.speed import Speed, measured, timed
from jaxseg.data.reader import ReadOptions
from jaxseg.data.trained_images import options_like, read_like
from jaxseg.ops.resize import resize
from jaxseg.typing import Size

ALL_STEPS = "all steps"


@dataclasses.dataclass(frozen=True)
class CompareOptions:
    """Contains the options for comparing a PyTorch network with its import in jaxseg.

    Attributes:
      tolerance: The largest difference of the logits, as a fraction of the largest
        absolute logit, at which the networks agree.
      size: The height and width to which images are resized for both networks, or None.
      seconds: For how long the speed is measured, in seconds. 0 measures no speed.
      effects: Whether to measure, for each step of the preprocessing that differs
        between the libraries, how much it changes the logits and the labels.
    """

    tolerance: float = 1e-4
    size: Size | None = None
    seconds: float = 6.0
    effects: bool = True


@dataclasses.dataclass(frozen=True)
class Effect:
    """Describes how the prediction changes if one preprocessing step changes.

    The step is changed from that of the checkpoint's library to that of jaxseg.

    Attributes:
      equal: The share of pixels that keep their label, 0 to 1.
      largest: The largest change of a logit at the size of the image.
    """

    equal: float
    largest: float


@dataclasses.dataclass(frozen=True, eq=False)
class ImageComparison:
    """Contains what a network and its import in jaxseg predict for one image.

    Attributes:
      path: The image file.
      pixels: The image in the size in which both networks segment it.
      theirs: The labels of the original network, int32 [H, W].
      ours: The labels of jaxseg, int32 [H, W].
      differences: The largest absolute difference of the logits at each pixel, [H, W].
      largest: The largest absolute difference of the logits.
      mean: The mean absolute difference of the logits.
      relative: The largest difference, divided by the largest absolute logit.
      note: How the image was resized or padded, in words, or "".
      effects: How each step of the preprocessing that differs between the libraries
        changes the prediction, by the name of the step.
    """

    path: str
    pixels: np.ndarray
    theirs: np.ndarray
    ours: np.ndarray
    differences: np.ndarray
    largest: float
    mean: float
    relative: float
    note: str = ""
    effects: dict[str, Effect] = dataclasses.field(default_factory=dict)

    @property
    def equal(self) -> float:
        """Returns the share of pixels (0 to 1) that PyTorch and jaxseg label alike."""
        return float((self.theirs == self.ours).mean())


@dataclasses.dataclass(frozen=True, eq=False)
class Comparison:
    """Contains the comparison of a checkpoint with its import in jaxseg.

    Attributes:
      pair: The original network and its import in jaxseg.
      images: The comparison for each image.
      tolerance: The largest difference of the logits, as a fraction of the largest
        absolute logit, at which the networks agree.
      theirs: The preprocessing of the library that the checkpoint comes from.
      steps: The steps of the preprocessing in that library and in jaxseg.
      changed: The variables in jaxseg that differ from those of the checkpoint.
      layer: The first layer whose output differs, if the logits differ.
      speed: The speed of both networks, or None if it was not measured.
    """

    pair: Pair
    images: tuple[ImageComparison, ...]
    tolerance: float
    theirs: Preprocessing
    steps: tuple[Step, ...]
    changed: tuple[str, ...] = ()
    layer: Layer | None = None
    speed: Speed | None = None

    @property
    def worst(self) -> ImageComparison:
        """Returns the `ImageComparison` of the image whose logits differ most.

        The logits of PyTorch are compared with those of jaxseg.
        """
        return max(self.images, key=lambda image: _order(image.relative))

    @property
    def passed(self) -> bool:
        """Returns whether the logits of the network and its import agree on all images.

        They agree if they differ by at most `tolerance`.
        """
        return self.worst.relative <= self.tolerance

    @property
    def verdict(self) -> str:
        """Says in words whether the networks agree, and which layer differs first."""
        worst = self.worst
        if self.passed:
            return (
                f"The logits agree within {worst.relative:.1e} of the largest logit "
                f"(allowed: {self.tolerance:g})."
            )
        where = "No single layer differs by more than that."
        if self.layer is not None:
            where = f"The first layer whose output differs is {self.layer}."
        return (
            f"The logits differ by {worst.relative:.1e} of the largest logit in "
            f"{worst.path}, more than --tolerance {self.tolerance:g}. {where}"
        )


def compared(
    pair: Pair, paths: Iterable[str | Path], options: CompareOptions
) -> Comparison:
    """Compares the logits of a PyTorch network and of its import in jaxseg.

    Args:
      pair: The original network and its import in jaxseg.
      paths: The image files.
      options: The options of the comparison.

    Returns:
      A `Comparison`.

    Raises:
      ValueError: If an image cannot be read or has a size that the original network
        does not accept.
    """
    theirs, ours = of_library(pair), of_jaxseg(pair)
    parts = steps(theirs, ours)
    reading = options_like(ReadOptions(), pair.spec)
    images, first, speed = [], None, None
    for path in paths:
        stored = read_like(path, reading, pair.spec)
        image, inputs, times = _compared(pair, path, stored, options)
        if options.effects:
            effects = _effects(pair, theirs, parts, stored)
            image = dataclasses.replace(image, effects=effects)
        images.append(image)
        if first is None:
            first = inputs
            if options.seconds:
                speed = measured(pair, inputs, times, options.seconds)
    found = Comparison(pair, tuple(images), options.tolerance, theirs, parts)
    changed = changed_variables(pair) if pair.imported else ()
    layer = None
    if not found.passed:
        place = found.images.index(found.worst)
        pixels = found.images[place].pixels
        layer = first_different(pair, _inputs(pair, pixels), options.tolerance)
    return dataclasses.replace(found, changed=changed, layer=layer, speed=speed)


def _inputs(pair: Pair, pixels: np.ndarray) -> np.ndarray:
    """Normalizes an image as jaxseg does, without its scale: float32 [1, H, W, C]."""
    network = dataclasses.replace(pair.network, scale=1.0)
    return np.asarray(network.prepare(pixels[None]))


def _compared(
    pair: Pair, path: str | Path, stored: np.ndarray, options: CompareOptions
) -> tuple[ImageComparison, np.ndarray, tuple[float, float]]:
    """Compares the logits for one image, from the same input of both networks."""
    image = fitted(stored, pair, options.size)
    inputs = _inputs(pair, image.pixels)
    want, first_torch = timed(lambda: pair.original_logits(inputs))
    got, first_jaxseg = timed(lambda: np.asarray(pair.jaxseg_logits(inputs)))
    height, width = image.size
    want, got = want[0, :height, :width], got[0, :height, :width]
    difference = np.abs(got - want)
    largest = float(difference.max())
    found = ImageComparison(
        str(path),
        pixels=image.pixels[:height, :width],
        theirs=np.asarray(pair.form.labels(want)),
        ours=np.asarray(pair.form.labels(got)),
        differences=difference.max(-1),
        largest=largest,
        mean=float(difference.mean()),
        relative=largest / max(float(np.abs(want).max()), 1e-30),
        note=image.note,
    )
    return found, inputs, (first_torch, first_jaxseg)


def _effects(
    pair: Pair, theirs: Preprocessing, parts: tuple[Step, ...], stored: np.ndarray
) -> dict[str, Effect]:
    """Measures the difference that each step makes in which the libraries disagree.

    Both sides of each difference are computed by the network in jaxseg.
    """
    changed = {step.name: step.changed for step in parts if step.changed is not None}
    if not changed or "image_size" in pair.conversion.network.config.model.options:
        return {}
    size = stored.shape[:2]
    base = _logits(pair, theirs(stored), size)
    found = {
        name: _effect(pair, base, _logits(pair, step(stored), size))
        for name, step in changed.items()
    }
    if len(changed) > 1:
        ours = np.asarray(pair.network.prepare(stored[None]))
        found[ALL_STEPS] = _effect(pair, base, _logits(pair, ours, size))
    return found


def _logits(pair: Pair, inputs: np.ndarray, size: Size) -> np.ndarray:
    logits = pair.jaxseg_logits(inputs)
    return np.asarray(logits if logits.shape[1:3] == size else resize(logits, size))[0]


def _effect(pair: Pair, base: np.ndarray, other: np.ndarray) -> Effect:
    labels = (np.asarray(pair.form.labels(logits)) for logits in (base, other))
    equal = np.equal(*labels).mean()
    return Effect(float(equal), float(np.abs(base - other).max()))


def _order(value: float) -> float:
    """Places NaN after all numbers."""
    return math.inf if math.isnan(value) else value
