"""Defines the types that prediction uses for image files and point cloud files."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

from jaxseg.data.reader import ReadOptions
from jaxseg.inference.segmenter import PredictOptions


@dataclasses.dataclass(frozen=True)
class Request:
    """Selects the files to segment, the weights to use, and the files to write.

    Attributes:
      inputs: Paths of files. For images, also directories and patterns such as
        "a/**/*.jpg".
      output: The directory of the results.
      workdir: The run directory.
      ensemble: Further run directories, whose predictions are averaged with those of
        the first.
      calibrated: Whether to scale the logits of each run by the scaling that
        `jaxseg calibrate` has fitted for it.
      segment: The options of the segmentation, such as the windows.
      reading: The options of the image reader.
      checkpoint: "best", "latest", or the number of a saved step.
      verify: Whether to compare the weights with the digest stored with them.
      overlay: Whether to write overlays, or the colored points of clouds.
      probabilities: Whether to write probabilities.
      samples: The number of samples to draw and write for each image.
      buckets: The largest number of sizes to which images are padded, or None to pad
        them as in evaluation.
      map_format: The format of the maps of uncertainty, "tiff" or "npy".
      attention: The row and column of the pixel whose attention is drawn, or None.
      crf_steps: Whether to draw the probabilities after each iteration of the CRF.
      further: Additional file formats in which the predicted classes are written, among
        "raw", "geojson" and "coco". `jaxseg.tasks.further_files` describes them.
      overwrite: Whether results of other runs or options may be replaced.
      large_above: The largest number of pixels of a TIFF or NPY file that is read as a
        whole. Modes other than "whole" read, segment and write larger files in windows.
        None selects the largest number of pixels that the reader accepts.
      report: A function that shows one line about the progress of a large image.
      stop: Whether the first file that cannot be read raises an error.
    """

    inputs: tuple[str, ...]
    output: Path
    workdir: Path
    ensemble: tuple[Path, ...] = ()
    calibrated: bool = False
    segment: PredictOptions = PredictOptions()  # noqa: RUF009
    reading: ReadOptions = ReadOptions()  # noqa: RUF009
    checkpoint: str = "best"
    verify: bool = True
    overlay: bool = True
    probabilities: bool = False
    samples: int = 0
    buckets: int | None = None
    map_format: Literal["tiff", "npy"] = "tiff"
    attention: tuple[int, int] | None = None
    crf_steps: bool = False
    further: tuple[str, ...] = ()
    overwrite: bool = False
    large_above: int | None = None
    report: Callable[[str], None] = lambda line: None
    stop: bool = False


class FileResult(NamedTuple):
    """Contains the result of one input file, or the error of one or several files.

    Attributes:
      paths: The input files. There is exactly one if there is no error.
      written: The file with the predicted classes, or None after an error.
      error: The error that prevented the segmentation of the files, or None.
    """

    paths: tuple[Path, ...]
    written: Path | None = None
    error: ValueError | None = None


class FilePrediction(Protocol):
    """Defines a prediction that is ready to run, which `open_files` of a task returns.

    Attributes:
      step: The training step of the checkpoint.
      jobs: The readable files, each with the path at which its results are written.
      finished: The readable files whose results an earlier command has completed.
      unreadable: The files that cannot be read.
      noun: The word for one input in messages, such as "image".
    """

    step: int
    jobs: list
    finished: frozenset[Path]
    unreadable: list[FileResult]
    noun: str

    def notes(self) -> Iterable[str]:
        """Returns lines of text that the user should see before the prediction runs."""

    def run(self) -> Iterator[FileResult]:
        """Segments the inputs that are not finished, writes the files of each input,
        and yields its result."""


def failure(paths: tuple[Path, ...], error: ValueError, *, stop: bool) -> FileResult:
    """Returns a `FileResult` with an error, or raises the error if `stop` is set.

    Args:
      paths: The input files that were not segmented.
      error: The error.
      stop: Whether to raise the error.
    """
    if stop:
        raise error
    return FileResult(paths, error=error)
