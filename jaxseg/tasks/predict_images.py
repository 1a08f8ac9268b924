"""Segments image files with the network of a run, and writes the results."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar

import numpy as np

from jaxseg.config import Config
from jaxseg.data import DatasetSpec
from jaxseg.data.trained_images import options_like
from jaxseg.inference.image_batches import Batch, Job, batches, read_batch
from jaxseg.inference.images import collect, output_names, size_of
from jaxseg.inference.prediction import Prediction, label_paths
from jaxseg.inference.segmenter import Segmenter
from jaxseg.runs.directory import build_model, load_variables
from jaxseg.runs.outputs import num_logits
from jaxseg.storage import atomic
from jaxseg.tasks.ensemble import open_members
from jaxseg.tasks.extra_files import ExtraFiles, Found, extra_files, extra_paths
from jaxseg.tasks.further_files import FurtherFiles, further_files, further_path
from jaxseg.tasks.prediction import FileResult, Request, failure
from jaxseg.tasks.samples import (
    Drawn,
    check_request,
    sample_drawer,
    sample_paths,
    write_samples,
)

OPTIONS = None  # All options of the command apply.


@dataclasses.dataclass(frozen=True)
class ImagePrediction:
    """Contains a prediction that is ready to run, with the network and the images.

    Attributes:
      request: The options of the prediction.
      step: The step of the checkpoint.
      jobs: The readable images, each with the path of its results without the file
        suffix.
      unreadable: The images that cannot be read.
      segmenter: The network with its preprocessing.
      draw: A function that samples segmentations of a batch of images, or None.
      further: Writes the classes in additional file formats.
      extras: Write further files, such as maps of uncertainty.
      noun: The word for one input in messages, "image".
    """

    request: Request
    step: int
    jobs: list[Job]
    unreadable: list[FileResult]
    segmenter: Segmenter
    draw: Callable[[np.ndarray], Drawn] | None = None
    further: FurtherFiles = FurtherFiles()  # noqa: RUF009
    extras: tuple[ExtraFiles, ...] = ()
    noun: ClassVar[str] = "image"

    def run(self) -> Iterator[FileResult]:
        """Segments the images, writes the files, and yields the result of each image.

        Raises:
          ValueError: If an option cannot be applied to an image. If `stop` is set, also
            if an image cannot be segmented for another reason.
        """
        self.request.output.mkdir(parents=True, exist_ok=True)
        for folder in {job.name.parent for job in self.jobs}:
            atomic.sweep(folder)
        segment = self.request.segment
        whole = segment.mode == "whole"  # In the other modes, windows form the batches.
        groups = batches(
            self.jobs,
            rows=segment.batch_size if whole else 1,
            multiple=segment.padding,
        )
        for group in groups:
            yield from self._run_batch(group)

    def _run_batch(self, batch: Batch) -> Iterator[FileResult]:
        spec = self.segmenter.spec
        pixels, errors = read_batch(batch, self.segmenter.reading, spec)
        for row, error in errors.items():
            paths = (batch.jobs[row].path,)
            yield failure(paths, error, stop=self.request.stop)
        read = [(row, j) for row, j in enumerate(batch.jobs) if row not in errors]
        if not read:
            return
        refines = self.segmenter.options.refinement.is_active
        soft = self.request.probabilities or refines
        soft = soft or any(extra.needs_probabilities for extra in self.extras)
        try:
            found = self.segmenter.segmented(pixels, soft=soft)
            labels, probabilities = found.labels, found.probabilities
            drawn = None if self.draw is None else self.draw(pixels)
        except (ValueError, RuntimeError, MemoryError) as error:
            paths = tuple(job.path for _, job in read)
            yield _network_failure(paths, error, stop=self.request.stop)
            return
        for row, job in read:
            for extra in self.extras:
                extra.write(job.name, Found.of(found, pixels, row, job.size))
            corner = np.s_[row, : job.size[0], : job.size[1]]
            label = labels[corner]
            kept = None if probabilities is None else probabilities[corner]
            if refines:
                label, kept = self.segmenter.refiner(kept, pixels[corner])
            written = self._write(job, pixels[corner], label, kept)
            if drawn is not None:
                several, entropy = drawn.labels[:, *corner], drawn.entropy[corner]
                write_samples(job.name, several, entropy, self.segmenter.spec)
            yield FileResult((job.path,), written)

    def _write(self, job, pixels, labels, probabilities):
        found = Prediction(
            pixels,
            labels=labels,
            spec=self.segmenter.spec,
            compute_probabilities=lambda: probabilities,
        )
        written, *_ = found.save(
            job.name.parent,
            name=job.name.name,
            overlay=self.request.overlay,
            probabilities=self.request.probabilities,
        )
        self.further.write(job.name, labels)
        return written


def open_files(request: Request, config: Config, spec: DatasetSpec) -> ImagePrediction:
    """Finds the images and loads the network without writing any file.

    Args:
      request: The options.
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
    others = open_members(request, config, spec)
    model = build_model(config, num_logits(config, spec))
    step, variables = load_variables(
        request.workdir,
        model,
        checkpoint=request.checkpoint,
        ema=config.train.ema is not None,
        verify=request.verify,
        channels=spec.channels,
    )
    segmenter = Segmenter(
        model,
        variables,
        spec,
        scale=config.data.eval_scale,
        options=request.segment,
        reading=reading,
        others=others,
    )
    if request.segment.refinement.is_active:
        _ = segmenter.refiner  # It checks that the steps suit the classes.
    draw = None
    if request.samples:
        draw = sample_drawer(
            segmenter.network,
            variables,
            samples=request.samples,
            seed=config.train.seed,
        )
    return ImagePrediction(
        request,
        step=step,
        jobs=jobs,
        unreadable=unreadable,
        segmenter=segmenter,
        draw=draw,
        further=further_files(request.further, config, segmenter.spec),
        extras=extra_files(request, segmenter.spec),
    )


def _check_multilabel(request: Request) -> None:
    """Raises ValueError for options that need classes that exclude each other."""
    if request.further:
        raise ValueError(
            f"write={request.further} is invalid for a network whose classes can "
            "overlap: it needs one class for each pixel. Leave the option out."
        )


def plan(request: Request, spec: DatasetSpec) -> tuple[list[Job], list[FileResult]]:
    """Returns the readable images with their result paths, and the unreadable images.

    Args:
      request: The options.
      spec: The classes of the run.

    Raises:
      ValueError: If a result would replace an image, or if `stop` is set and an image
        cannot be read.
    """
    paths = collect(request.inputs)
    sources = {os.path.realpath(path) for path in paths}
    jobs, unreadable = [], []
    for path, name in zip(paths, output_names(paths), strict=True):
        target = request.output / name
        for result in result_paths(target, request, spec):
            if os.path.realpath(result) in sources:
                raise ValueError(
                    f"output={str(request.output)!r} is invalid: {result} would "
                    "replace an image. Choose another -o."
                )
        try:
            jobs.append(Job(path, target, size_of(path, request.reading)))
        except ValueError as error:
            unreadable.append(failure((path,), error, stop=request.stop))
    return jobs, unreadable


def result_paths(target: Path, request: Request, spec: DatasetSpec) -> list[Path]:
    """Returns the files that are written for one image.

    Args:
      target: The path of the files without suffix.
      request: The options.
      spec: The classes of the run.
    """
    names = [f"{target.name}_overlay.png"] if request.overlay else []
    names += [f"{target.name}.npz"] if request.probabilities else []
    written = [*label_paths(target, spec), *map(target.with_name, names)]
    written += [further_path(target, name) for name in request.further]
    written += extra_paths(target, request, spec)
    return written + sample_paths(target, request.samples)


def _network_failure(
    paths: tuple[Path, ...], error: Exception, *, stop: bool
) -> FileResult:
    """Returns the failure of images that the network could not process.

    Raises:
      ValueError: If an option does not suit them. The message names the images.
    """
    names, text = ", ".join(map(str, paths)), " ".join(str(error).split())
    if isinstance(error, ValueError):
        raise ValueError(f"{names}: {text}") from error
    remedy = "try a smaller --batch-size, or --mode slide with a --window."
    text = f"{names}: the network failed ({text[:300]}); {remedy}"
    return failure(paths, ValueError(text), stop=stop)
