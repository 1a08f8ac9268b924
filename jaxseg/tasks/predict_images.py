"""Segments image files with the network of a run, and writes the results."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jaxseg.config import Config
from jaxseg.data import DatasetSpec
from jaxseg.data.reader import ReadOptions
from jaxseg.inference.image_batches import Batch, Job, batches, read_batch
from jaxseg.inference.images import collect, output_names, size_of
from jaxseg.inference.prediction import Prediction
from jaxseg.inference.segmenter import PredictOptions, Segmenter
from jaxseg.runs.directory import build_model, load_variables
from jaxseg.storage import atomic
from jaxseg.tasks.samples import Drawn, sample_drawer, sample_paths, write_samples

Refiner = Callable[[np.ndarray, np.ndarray, tuple[int, int]], np.ndarray]


@dataclasses.dataclass(frozen=True)
class Request:
    """Selects the images to segment, the weights, and the files to write.

    Attributes:
      images: Paths of image files or directories, and patterns such as "a/**/*.jpg".
      output: The directory of the results.
      workdir: The run directory.
      segment: The options of the segmentation, such as the windows.
      reading: The options of the image reader.
      checkpoint: "best", "latest", or the number of a saved step.
      verify: Whether to compare the weights with the digest stored with them.
      refine: A function that maps the probabilities [H, W, K], the padded image
        [H, W, 3] and its (height, width) before padding to refined probabilities. If
        it is None, the probabilities are not refined.
      overlay: Whether to write overlays.
      probabilities: Whether to write probabilities.
      samples: The number of samples to draw and write for each image.
      stop: Whether the first image that cannot be read raises an error.
    """

    images: tuple[str, ...]
    output: Path
    workdir: Path
    segment: PredictOptions
    reading: ReadOptions
    checkpoint: str = "best"
    verify: bool = True
    refine: Refiner | None = None
    overlay: bool = True
    probabilities: bool = False
    samples: int = 0
    stop: bool = False


class Result(NamedTuple):
    """Contains the result of one image, or the error of one or more images.

    Attributes:
      paths: The image files. A result without an error has one.
      name: The path of the written files without suffix, or None after an error.
      error: The error that prevented the segmentation of the images, or None.
    """

    paths: tuple[Path, ...]
    name: Path | None = None
    error: ValueError | None = None


@dataclasses.dataclass(frozen=True)
class ImagePrediction:
    """Contains a prediction that is ready to run, with the network and the images.

    Attributes:
      request: The options of the prediction.
      step: The step of the checkpoint.
      jobs: The readable images, each with the path of its results without suffix.
      unreadable: The images that cannot be read.
      segmenter: The network with its preprocessing.
      draw: A function that samples segmentations of a batch of images, or None.
    """

    request: Request
    step: int
    jobs: list[Job]
    unreadable: list[Result]
    segmenter: Segmenter
    draw: Callable[[np.ndarray], Drawn] | None = None

    def run(self) -> Iterator[Result]:
        """Segments the images, writes the result files, and yields the results.

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
            multiple=segment.multiple if whole else 1,
        )
        for group in groups:
            yield from self._run_batch(group)

    def _run_batch(self, batch: Batch) -> Iterator[Result]:
        spec = self.segmenter.spec
        pixels, errors = read_batch(batch, self.segmenter.reading, spec)
        for row, error in errors.items():
            yield _failure([batch.jobs[row].path], error, self.request)
        read = [(row, j) for row, j in enumerate(batch.jobs) if row not in errors]
        if not read:
            return
        soft = self.request.probabilities or self.request.refine is not None
        try:
            labels, probabilities = self.segmenter.segment(pixels, soft=soft)
            drawn = None if self.draw is None else self.draw(pixels)
        except (ValueError, RuntimeError, MemoryError) as error:
            yield _network_failure([job.path for _, job in read], error, self.request)
            return
        for row, job in read:
            corner = np.s_[row, : job.size[0], : job.size[1]]
            if self.request.refine is not None:
                refined = self.request.refine(probabilities[row], pixels[row], job.size)
                probabilities[row], labels[row] = refined, refined.argmax(-1)
            kept = None if probabilities is None else probabilities[corner]
            self._write(job, pixels[corner], labels[corner], kept)
            if drawn is not None:
                several, entropy = drawn.labels[:, *corner], drawn.entropy[corner]
                write_samples(job.name, several, entropy, self.segmenter.spec)
            yield Result((job.path,), job.name)

    def _write(self, job, pixels, labels, probabilities):
        found = Prediction(
            pixels,
            labels=labels,
            spec=self.segmenter.spec,
            compute_probabilities=lambda: probabilities,
        )
        found.save(
            job.name.parent,
            name=job.name.name,
            overlay=self.request.overlay,
            probabilities=self.request.probabilities,
        )


def open_images(request: Request, config: Config, spec: DatasetSpec) -> ImagePrediction:
    """Finds the images and loads the network without writing any file.

    Args:
      request: The options.
      config: The configuration of the run.
      spec: The classes of the run.

    Raises:
      ValueError: If a result would replace an image, if the checkpoint cannot be used,
        or if `stop` is set and an image cannot be read.
    """
    jobs, unreadable = plan(request)
    model = build_model(config, spec.num_classes)
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
        reading=request.reading,
    )
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
    )


def plan(request: Request) -> tuple[list[Job], list[Result]]:
    """Returns the readable images with the paths of their results, and the others.

    Args:
      request: The options.

    Raises:
      ValueError: If a result would replace an image, or if `stop` is set and an image
        cannot be read.
    """
    paths = collect(request.images)
    sources = {os.path.realpath(path) for path in paths}
    jobs, unreadable = [], []
    for path, name in zip(paths, output_names(paths), strict=True):
        target = request.output / name
        for result in result_paths(target, request):
            if os.path.realpath(result) in sources:
                raise ValueError(
                    f"output={str(request.output)!r} is invalid: {result} would "
                    "replace an image. Choose another -o."
                )
        try:
            jobs.append(Job(path, target, size_of(path, request.reading)))
        except ValueError as error:
            unreadable.append(_failure([path], error, request))
    return jobs, unreadable


def result_paths(target: Path, request: Request) -> list[Path]:
    """Returns the files that are written for one image.

    Args:
      target: The path of the files without suffix.
      request: The options.
    """
    names = [f"{target.name}.png"]
    names += [f"{target.name}_overlay.png"] if request.overlay else []
    names += [f"{target.name}.npz"] if request.probabilities else []
    written = [target.with_name(name) for name in names]
    return written + sample_paths(target, request.samples)


def _failure(paths: Sequence[Path], error: ValueError, request: Request) -> Result:
    if request.stop:
        raise error
    return Result(tuple(paths), error=error)


def _network_failure(
    paths: Sequence[Path], error: Exception, request: Request
) -> Result:
    """Returns the failure of images that the network could not process.

    Raises:
      ValueError: If an option does not suit them. The message names the images.
    """
    names, text = ", ".join(map(str, paths)), " ".join(str(error).split())
    if isinstance(error, ValueError):
        raise ValueError(f"{names}: {text}") from error
    remedy = "try a smaller --batch-size, or --mode slide with a --window."
    text = f"{names}: the network failed ({text[:300]}); {remedy}"
    return _failure(paths, ValueError(text), request)
