"""Applies the steps of the refinement to the prediction for one image.

The order of the steps is fixed:

1. The dense CRF refines the probabilities.
2. If classes have thresholds, each pixel gets the most probable class among those
   whose probability is above their threshold. If there is none, it keeps its class.
3. The graph cut moves the boundaries of the classes that were selected.
4. Small regions are removed.
5. Small holes are filled.

Every step works at the size of the image, without the padding of a batch. `jaxseg
predict`, `jaxseg eval` and `Segmenter` use this file.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from jaxseg.data.spec import DatasetSpec
from jaxseg.inference.crf_refine import refine, refine_steps
from jaxseg.inference.graphcut import cut_probabilities
from jaxseg.inference.refinement.components import (
    fill_holes,
    remove_small,
    without_holes,
    without_small,
)
from jaxseg.inference.refinement.options import CRF, Clean, Refinement
from jaxseg.inference.refinement.thresholds import above, passing, thresholds_of
from jaxseg.ops.output_form import OutputForm
from jaxseg.viz import as_rgb

MULTIPLE = 32  # Images of similar sizes share one compiled program.


class RefinedImage(NamedTuple):
    """Contains the refined prediction for one image.

    Attributes:
      labels: The classes, int32 [H, W], or booleans [H, W, K] if classes can overlap.
      probabilities: The probabilities, float32 [H, W, K]. Only the CRF changes them.
    """

    labels: np.ndarray
    probabilities: np.ndarray


def check_refinement(options: Refinement, spec: DatasetSpec) -> None:
    """Checks that the steps of a refinement suit the classes of a dataset.

    Args:
      options: The steps and their options.
      spec: The classes of the predictions.

    Raises:
      ValueError: If a class is unknown, or the classes can overlap and a step needs one
        class for each pixel.
    """
    chosen = {"crf": options.crf, "graphcut": options.graphcut}
    for name, step in chosen.items() if spec.multilabel else ():
        if step is not None:
            raise ValueError(
                f"{name}=True is invalid for a network whose classes can overlap: it "
                "needs one class for each pixel. Leave the option out."
            )
    thresholds_of(options.thresholds, spec, default=0.0)


@dataclasses.dataclass(frozen=True)
class Refiner:
    """Refines predictions image by image.

    Attributes:
      options: The steps and their options.
      spec: The classes of the predictions.
      form: The `OutputForm` that converts the probabilities to labels.
    """

    options: Refinement
    spec: DatasetSpec
    form: OutputForm

    def __post_init__(self) -> None:
        """Raises ValueError if a step does not suit the classes or the network."""
        check_refinement(self.options, self.spec)
        if self.options.thresholds and self.form.kind == "binary":
            raise ValueError(
                f"class_thresholds={self.options.thresholds} is invalid for a network "
                "with one logit: expected no class thresholds. Use --threshold instead."
            )

    def __call__(self, probabilities: np.ndarray, image: np.ndarray) -> RefinedImage:
        """Refines the prediction for one image.

        Args:
          probabilities: The probabilities of the classes, float32 [H, W, K].
          image: The image as stored, [H, W, C].
        """
        options = self.options
        if options.crf is not None:
            view = as_rgb(image, self.spec.value_range)
            probabilities = smoothed(probabilities, view, options.crf)
        if options.graphcut is None:
            labels = self._labels(probabilities)
        else:
            view = as_rgb(image, self.spec.value_range)
            gamma, selected = options.graphcut.gamma, self._selected(probabilities)
            labels = cut_probabilities(selected, view, gamma=gamma).astype(np.int32)
        return RefinedImage(cleaned(labels, options.clean), probabilities)

    def _labels(self, probabilities):
        if not self.options.thresholds:
            return np.asarray(self.form.labels_of(probabilities))
        if self.form.kind == "multilabel":
            default = self.form.threshold
            limits = thresholds_of(self.options.thresholds, self.spec, default=default)
            return above(probabilities, limits)
        return self._selected(probabilities).argmax(-1).astype(np.int32)

    def _selected(self, probabilities):
        """Returns values whose largest entry is the label, for one-label networks."""
        if self.form.kind == "binary":
            # Equal odds move to the threshold, so that the cut starts at the labels.
            threshold = self.form.threshold
            weighted = probabilities * np.float32([threshold, 1 - threshold])
            return weighted / weighted.sum(-1, keepdims=True)
        limits = thresholds_of(self.options.thresholds, self.spec, default=0.0)
        return passing(probabilities, limits)


def smoothed(
    probabilities: np.ndarray, view: np.ndarray, crf: CRF, *, every: bool = False
) -> np.ndarray:
    """Refines the class probabilities of one image with the dense CRF.

    The height and the width are padded to multiples of 32 pixels, so that JAX compiles
    one program for images of similar sizes. The CRF ignores the padding.

    Args:
      probabilities: The probabilities, [H, W, K].
      view: The image as 8-bit RGB, [H, W, 3].
      crf: The options of the CRF.
      every: Whether to return the probabilities before the first iteration and after
        each one, instead of the final ones.

    Returns:
      The refined probabilities, float32 [H, W, K], or [iterations + 1, H, W, K] if
      `every` is True.
    """
    height, width = view.shape[:2]
    pads = ((0, -height % MULTIPLE), (0, -width % MULTIPLE))
    refined = (refine_steps if every else refine)(
        np.pad(probabilities, (*pads, (0, 0))),
        np.pad(view, (*pads, (0, 0))),
        crf.kernels,
        valid=np.pad(np.ones((height, width), bool), pads),
        iterations=crf.iterations,
        normalization=crf.normalization,
        method=crf.method,
    )
    return refined[..., :height, :width, :]


def cleaned(labels: np.ndarray, clean: Clean) -> np.ndarray:
    """Returns labels from which small regions are removed and small holes are filled.

    Regions are removed first. The result has the shape of `labels`.

    Args:
      labels: The classes [H, W], or booleans [H, W, K] if classes can overlap.
      clean: The options, such as the size below which a region is removed.
    """
    how = {"connectivity": clean.connectivity}
    overlapping = labels.ndim == 3
    act: Callable[..., np.ndarray]
    if clean.min_size > 1:
        act = without_small if overlapping else remove_small
        labels = _each(act, labels, clean.min_size, how)
    if clean.fill_holes > 0:
        act = without_holes if overlapping else fill_holes
        labels = _each(act, labels, clean.fill_holes, how)
    return labels


def _each(act, labels, size, how):
    """Applies a function to the labels, or to the mask of each class."""
    if labels.ndim == 2:
        return act(labels, size, **how)
    masks = [act(labels[..., k], size, **how) for k in range(labels.shape[-1])]
    return np.stack(masks, -1)
