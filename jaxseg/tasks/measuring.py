"""Computes a confusion matrix and two SHA-256 digests for each evaluated image.

One is the digest of the decoded pixels, and the other one is the digest of the label.
An `ImageMeter` observes an evaluation, so that one pass over the data is enough. Its
results depend neither on the batch size nor on the number of devices.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from jaxseg.config import Config
from jaxseg.data import DatasetSpec
from jaxseg.inference.refinement import Refinement, Refiner
from jaxseg.metrics.image_counts import ImageCounts, count_image, matrix_of
from jaxseg.runs.outputs import output_form
from jaxseg.tasks.scoring import matrix_classes
from jaxseg.training.run.observation import Observed, Observer


class ImageResult(NamedTuple):
    """Contains what was measured on one image.

    Attributes:
      name: The name of the image.
      image: The SHA-256 digest of its decoded pixels, or "" if none was computed.
      label: The SHA-256 digest of its decoded label, or "".
      counts: The nonzero elements of its confusion matrix, and their indices.
      refined: A tuple with one entry for each refinement: the `counts` of the refined
        prediction.
      observed: A tuple with the result of each observer. Observers receive the image
        with its prediction after the first refinement.
    """

    name: str
    image: str
    label: str
    counts: ImageCounts
    refined: tuple[ImageCounts, ...] = ()
    observed: tuple[Any, ...] = ()


@dataclasses.dataclass(frozen=True)
class ImageMeter:
    """Computes confusion matrices and digests for each image of an evaluation.

    Attributes:
      num_classes: The number of rows of the confusion matrix without the row of void.
      digests: Whether to compute digests of images and labels.
      refiners: The refinements. Each has its own confusion matrix.
      limit: The number of images that are refined, or None for all.
      observers: Objects that receive each image with its prediction after the first
        refinement.
    """

    num_classes: int
    digests: bool = False
    refiners: tuple[Refiner, ...] = ()
    limit: int | None = None
    observers: tuple[Observer, ...] = ()

    @property
    def needs_probabilities(self) -> bool:
        """Returns True if there are refinements, which need class probabilities."""
        return bool(self.refiners)

    def measure(self, example: Observed) -> ImageResult:
        """Computes the digests and confusion matrices of one image.

        The result is an `ImageResult`.

        Args:
          example: The image with its label and its prediction.
        """
        image = label = ""
        if self.digests:
            inputs = dict(example.inputs)
            label = digest(inputs.pop("label"))
            image = digest(*(inputs[name] for name in sorted(inputs)))
        refined = ()
        if self.limit is None or example.index < self.limit:
            refined = tuple(self._refined(example, one) for one in self.refiners)
        counts = self._count(example, example.prediction)
        return ImageResult(
            example.name,
            image=image,
            label=label,
            counts=counts,
            refined=tuple(self._count(example, one) for one in refined),
            observed=self._observed(example, refined),
        )

    def _observed(self, example, refined) -> tuple[Any, ...]:
        if not refined:
            return ()
        labels = refined[0].astype(example.label.dtype)
        after = dataclasses.replace(example, prediction=labels)
        return tuple(observer.measure(after) for observer in self.observers)

    def _refined(self, example, refiner) -> np.ndarray:
        labels = refiner(example.probabilities, example.inputs["image"]).labels
        if refiner.spec.multilabel:  # as `jaxseg.metrics.overlapping` numbers them
            labels = 2 * np.arange(labels.shape[-1]) + labels
        return labels

    def _count(self, example, prediction) -> ImageCounts:
        return count_image(prediction, example.label, self.num_classes, example.void)


def image_meter(
    config: Config,
    spec: DatasetSpec,
    *,
    digests: bool = False,
    refinements: Sequence[Refinement] = (),
    limit: int | None = None,
) -> ImageMeter:
    """Creates an `ImageMeter`, which measures each image of an evaluation.

    An evaluation passes every image to it. It computes confusion matrices and, on
    request, digests.

    Args:
      config: The configuration of the run.
      spec: The classes that the network was trained on.
      digests: Whether to compute digests of images and labels.
      refinements: The refinements to apply, each to the prediction of the network.
      limit: The number of images that are refined, or None for all.

    Raises:
      ValueError: If a refinement does not suit the classes.
    """
    refiners = ()
    if refinements:
        form = output_form(config, spec)
        refiners = tuple(Refiner(options, spec, form) for options in refinements)
    return ImageMeter(len(matrix_classes(spec)), digests, refiners, limit)


def total(images: Sequence[ImageResult], spec: DatasetSpec) -> np.ndarray:
    """Returns the sum of the confusion matrices of all images, int64 [K + 1, K].

    The last row counts predictions at void pixels. Padding is not counted there, unlike
    in the matrix that an evaluation returns.

    Args:
      images: The results of the images.
      spec: The classes of the evaluation.
    """
    return matrix_of((one.counts for one in images), len(matrix_classes(spec)))


def total_refined(
    images: Sequence[ImageResult], spec: DatasetSpec, which: int = 0
) -> np.ndarray:
    """Returns the sum of the confusion matrices after a refinement, int64 [K + 1, K].

    Images that were not refined, because of `ImageMeter.limit`, do not count.

    Args:
      images: The results of the images.
      spec: The classes of the evaluation.
      which: The index of the refinement.
    """
    counts = [one.refined[which] for one in images if one.refined]
    return matrix_of(counts, len(matrix_classes(spec)))


def digest(*arrays: np.ndarray) -> str:
    """Returns the SHA-256 digest of arrays, in hexadecimal.

    It covers, for each array, a line such as "uint8[96, 128, 3]" and the bytes of the
    values in C order, little endian.

    Args:
      *arrays: The arrays.
    """
    state = hashlib.sha256()
    for array in arrays:
        state.update(f"{array.dtype.name}{list(array.shape)}\n".encode())
        little = array.astype(array.dtype.newbyteorder("<"), copy=False)
        state.update(np.ascontiguousarray(little).data)
    return state.hexdigest()
