"""Segments image files with the network of a run, and writes the results."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from jaxseg.config import Config
from jaxseg.data import DatasetSpec
from jaxseg.data.trained_images import options_like
from jaxseg.inference.ahead import map_ahead
from jaxseg.inference.exact.segmentation import costs
from jaxseg.inference.image_batches import Batch, Job, batches, read_batch
from jaxseg.inference.label_rows import describe_windows
from jaxseg.inference.segmenter import Segmenter
from jaxseg.ops.open_size import ImageTooSmall
from jaxseg.storage import atomic
from jaxseg.tasks.ensemble import open_networks
from jaxseg.tasks.extra_files import Found
from jaxseg.tasks.finished import Finished, identity_of, open_record
from jaxseg.tasks.further_files import further_files
from jaxseg.tasks.image_jobs import plan, results_of
from jaxseg.tasks.image_results import ImageResults, SegmentedImage
from jaxseg.tasks.large_image import LargeJob, LargePrediction
from jaxseg.tasks.large_jobs import large_prediction
from jaxseg.tasks.padding import Padding, padding_of
from jaxseg.tasks.picture_files import check_pictures, extra_files
from jaxseg.tasks.prediction import FileResult, Request, failure
from jaxseg.tasks.samples import (
    Drawn,
    check_request,
    sample_drawer,
)

OPTIONS = None  # All options of the command apply.
THREADS = max(2, min(4, os.cpu_count() or 1))  # For reading, and as many for writing.


@dataclasses.dataclass(frozen=True)
class ImagePrediction:
    """Contains a prediction that is ready to run, with the network and the images.

    Attributes:
      request: The options of the prediction.
      step: The training step of the checkpoint.
      jobs: The readable images, each with the path of its results without the file
        suffix.
      unreadable: A `FileResult` with the error for each image that cannot be read.
      segmenter: The network with its preprocessing.
      draw: A function that samples several segmentations of each image in a batch, or
        None if no samples are written.
      results: The object that writes the files of each image.
      record: The list of finished images, which is stored in the output directory.
      padding: The sizes to which images are padded.
      finished: The images whose results an earlier command has completed.
      large: The object that segments the images that are read in windows, or None if
        there are no such images.
      noun: The word for one input in messages, "image".
    """

    request: Request
    step: int
    jobs: list[Job | LargeJob]
    unreadable: list[FileResult]
    segmenter: Segmenter
    results: ImageResults
    record: Finished
    padding: Padding
    finished: frozenset[Path] = frozenset()
    draw: Callable[[np.ndarray], Drawn] | None = None
    large: LargePrediction | None = None
    noun: ClassVar[str] = "image"

    def notes(self) -> Iterator[str]:
        """Yields lines of text that the user should see before the prediction runs.

        In the mode "exact", an image is computed in tiles, and the lines state the cost
        of this. If images are padded to a few sizes (`buckets`), the lines state how
        many pixels are added and how this changes the labels.

        Raises:
          ValueError: If the network cannot be computed exactly in tiles.
        """
        if self.request.segment.mode == "exact":
            sizes = [self.segmenter.padded_size(job.size) for job in self.jobs]
            yield from costs(self.segmenter.exact, sizes)
        if self.padding.buckets and len(self.finished) < len(self.jobs):
            yield from self.padding.notes(self.jobs)

    def run(self) -> Iterator[FileResult]:
        """Segments the images, writes the files, and yields the result of each image.

        Threads read the images of the next batches and write the results of previous
        ones while the network segments a batch. Images that were finished before are
        left out.

        Raises:
          ValueError: If an option cannot be applied to an image. If `stop` is set, also
            if an image cannot be segmented for another reason.
        """
        self.request.output.mkdir(parents=True, exist_ok=True)
        for folder in {job.name.parent for job in self.jobs}:
            atomic.sweep(folder)
        by_path = {job.path: job for job in self.jobs}
        with self.record.writing() as note:
            results = map_ahead(
                self._written,
                self._segmented(),
                threads=THREADS,
                ahead=2 * THREADS,
            )
            with contextlib.closing(results):
                for result in results:
                    if result.error is None:
                        note(by_path[result.paths[0]])
                    yield result

    def _segmented(self) -> Iterator[SegmentedImage | FileResult]:
        """Yields the segmentation of each image, or the error that prevented it."""
        segment = self.request.segment
        whole = segment.mode == "whole"  # In the other modes, windows form the batches.
        small = [job for job in self.jobs if isinstance(job, Job)]
        if small and not whole and segment.windows is not None:
            largest = max((job.size for job in small), key=math.prod)
            line = describe_windows(self.segmenter, largest)
            self.request.report(f"the largest image: {line}")
        groups = batches(
            small,
            rows=segment.batch_size if whole else 1,
            padded=self.padding.size_of,
            finished=self.finished,
        )
        reading, spec = self.segmenter.reading, self.segmenter.spec
        loaded = map_ahead(
            lambda batch: (batch, *read_batch(batch, reading, spec)),
            groups,
            threads=THREADS,
            ahead=2,
        )
        with contextlib.closing(loaded):
            for batch, pixels, errors in loaded:
                yield from self._segment(batch, pixels, errors)
        for job in self.jobs:
            if isinstance(job, LargeJob) and job.path not in self.finished:
                yield self.large.result(job, stop=self.request.stop)

    def _segment(
        self, batch: Batch, pixels: np.ndarray, errors: Mapping[int, ValueError]
    ) -> Iterator[SegmentedImage | FileResult]:
        for row, error in errors.items():
            paths = (batch.jobs[row].path,)
            yield failure(paths, error, stop=self.request.stop)
        read = [(row, j) for row, j in enumerate(batch.jobs) if row not in errors]
        if not read:
            return
        refines = self.segmenter.options.refinement.is_active
        soft = self.request.probabilities or refines
        soft = soft or any(extra.needs_probabilities for extra in self.results.extras)
        try:
            found = self.segmenter.segmented(pixels, soft=soft)
            labels, probabilities = found.labels, found.probabilities
            drawn = None if self.draw is None else self.draw(pixels)
        except (ValueError, RuntimeError, MemoryError) as error:
            paths = tuple(job.path for _, job in read)
            yield _network_failure(paths, error, stop=self.request.stop)
            return
        for row, job in read:
            corner = np.s_[row, : job.size[0], : job.size[1]]
            yield SegmentedImage(
                job,
                pixels[corner],
                labels=labels[corner],
                probabilities=None if probabilities is None else probabilities[corner],
                padded=Found.of(found, pixels, row, job.size),
                samples=None if drawn is None else drawn.labels[:, *corner],
                entropy=None if drawn is None else drawn.entropy[corner],
            )

    def _written(self, found: SegmentedImage | FileResult) -> FileResult:
        if isinstance(found, FileResult):
            return found
        return self.results.write(found)


def open_files(request: Request, config: Config, spec: DatasetSpec) -> ImagePrediction:
    """Finds the images and loads the network without writing any file.

    The result is an `ImagePrediction`, which is ready to run.

    Args:
      request: The options of the prediction.
      config: The configuration of the run.
      spec: The classes of the run.

    Raises:
      ValueError: If the run does not segment images or cannot draw samples, if a result
        would replace an image, if the checkpoint cannot be used, or if `stop` is set
        and an image cannot be read.
    """
    check_request(config, samples=request.samples, mode=request.segment.mode)
    if spec.multilabel:
        _check_multilabel(request)
    reading = options_like(request.reading, spec)
    jobs, unreadable = plan(dataclasses.replace(request, reading=reading), spec)
    check_pictures(request, {job.path: job.size for job in jobs})
    step, segmenter, weights = open_networks(request, config, spec, reading)
    if request.segment.refinement.is_active:
        _ = segmenter.refiner  # It checks that the steps suit the classes.
    padding = padding_of(request, jobs, segmenter)
    identity = identity_of(request, config, spec, step=step, variables=weights)
    identity["sizes"] = sorted(set(padding.buckets.values()))
    identity["scaling"] = [repr(network.scaling) for network, _ in segmenter.networks]
    record = open_record(request.output, identity, overwrite=request.overwrite)
    results = {job.name: results_of(job, request, segmenter.spec) for job in jobs}
    return ImagePrediction(
        request,
        step=step,
        jobs=jobs,
        unreadable=unreadable,
        segmenter=segmenter,
        results=ImageResults(
            request,
            segmenter,
            further=further_files(request.further, config, segmenter.spec),
            extras=extra_files(request, segmenter),
        ),
        record=record,
        finished=record.divide(jobs, results.get, overwrite=request.overwrite),
        padding=padding,
        draw=_drawer(request, config, segmenter, weights[0]),
        large=large_prediction(jobs, request, segmenter, identity),
    )


def _drawer(
    request: Request, config: Config, segmenter: Segmenter, variables: Any
) -> Callable[[np.ndarray], Drawn] | None:
    """Returns a function that samples segmentations, or None if none are requested."""
    if not request.samples:
        return None
    return sample_drawer(
        segmenter.network,
        variables,
        samples=request.samples,
        seed=config.train.seed,
    )


def _check_multilabel(request: Request) -> None:
    """Raises ValueError for options that need classes that exclude each other."""
    if request.further:
        raise ValueError(
            f"write={request.further} is invalid for a network whose classes can "
            "overlap: expected the default, because these files need exactly one class "
            "for each pixel. Leave the option out."
        )


def _network_failure(
    paths: tuple[Path, ...], error: Exception, *, stop: bool
) -> FileResult:
    """Returns the failure of images that the network could not process.

    Raises:
      ValueError: If an option does not suit them. The message names the images.
    """
    names, text = ", ".join(map(str, paths)), " ".join(str(error).split())
    if isinstance(error, ImageTooSmall):
        return failure(paths, ValueError(f"{names}: {text}"), stop=stop)
    if isinstance(error, ValueError):
        raise ValueError(f"{names}: {text}") from error
    remedy = "try a smaller --batch-size, or --mode slide with a --window."
    text = f"{names}: the network failed ({text[:300]}); {remedy}"
    return failure(paths, ValueError(text), stop=stop)
