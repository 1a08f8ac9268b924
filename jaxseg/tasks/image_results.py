"""Writes the files of segmented images."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jaxseg.data import DatasetSpec
from jaxseg.inference.image_batches import Job
from jaxseg.inference.prediction import Prediction, label_paths
from jaxseg.inference.segmenter import Segmenter
from jaxseg.tasks.extra_files import ExtraFiles, Found
from jaxseg.tasks.further_files import FurtherFiles, further_path
from jaxseg.tasks.picture_files import extra_paths
from jaxseg.tasks.prediction import FileResult, Request
from jaxseg.tasks.samples import sample_paths, write_samples


class SegmentedImage(NamedTuple):
    """Contains one image and its predicted classes before any refinement.

    All arrays except those in `padded` have the size of the image file.

    Attributes:
      job: The image file, and the path of its results.
      pixels: The pixel values of the image, [H, W, C].
      labels: The predicted classes, [H, W]. If classes can overlap, [H, W, K] says
        which of the K classes are predicted at each pixel.
      probabilities: The probabilities of the classes, [H, W, K], or None.
      padded: The padded image that the network received, and its segmentation.
      samples: The classes of N segmentations that were drawn at random, [N, H, W], or
        None.
      entropy: The entropy in nats of the class probabilities, averaged over the
        samples before the entropy is computed, [H, W], or None.
    """

    job: Job
    pixels: np.ndarray
    labels: np.ndarray
    probabilities: np.ndarray | None
    padded: Found
    samples: np.ndarray | None
    entropy: np.ndarray | None


@dataclasses.dataclass(frozen=True)
class ImageResults:
    """Refines the segmentations of images and writes their files.

    Attributes:
      request: The options of the prediction.
      segmenter: The network with its classes, and the method that refines predictions.
      further: The object that writes the classes in additional file formats.
      extras: The objects that write further files, such as maps of uncertainty.
    """

    request: Request
    segmenter: Segmenter
    further: FurtherFiles = FurtherFiles()  # noqa: RUF009
    extras: tuple[ExtraFiles, ...] = ()

    def write(self, found: SegmentedImage) -> FileResult:
        """Refines the segmentation of one image and writes its files.

        Several threads may call it at the same time, each with another image. The
        result is a `FileResult` with two paths: that of the image, and that of the file
        with its predicted classes.
        """
        job, label, probabilities = found.job, found.labels, found.probabilities
        for extra in self.extras:
            extra.write(job.name, found.padded)
        if self.segmenter.options.refinement.is_active:
            label, probabilities = self.segmenter.refiner(probabilities, found.pixels)
        prediction = Prediction(
            found.pixels,
            labels=label,
            spec=self.segmenter.spec,
            compute_probabilities=lambda: probabilities,
        )
        written, *_ = prediction.save(
            job.name.parent,
            name=job.name.name,
            overlay=self.request.overlay,
            probabilities=self.request.probabilities,
        )
        self.further.write(job.name, label)
        if found.samples is not None:
            write_samples(job.name, found.samples, found.entropy, self.segmenter.spec)
        return FileResult((job.path,), written)


def result_paths(target: Path, request: Request, spec: DatasetSpec) -> list[Path]:
    """Returns a list of the paths of all files that are written for one image.

    Args:
      target: The output folder and the base name of the files, such as "out/cat".
      request: The options of the prediction.
      spec: The classes of the run.
    """
    names = [f"{target.name}_overlay.png"] if request.overlay else []
    names += [f"{target.name}.npz"] if request.probabilities else []
    written = [*label_paths(target, spec), *map(target.with_name, names)]
    written += [further_path(target, name) for name in request.further]
    written += extra_paths(target, request)
    return written + sample_paths(target, request.samples)
