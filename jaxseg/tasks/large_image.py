"""Segments an image that is too large for memory: reads and writes it in windows.

While the command runs, the file NAME.part next to the result contains the rows of
classes that are finished, so that an interrupted command continues when it is repeated.
The result is a tiled TIFF of class indices with the georeference of the image. If the
image is an NPY file, the result is an NPY file, too.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from jaxseg.data.files import shown
from jaxseg.data.large.image import LargeImage
from jaxseg.data.large.rows_file import RowsFile
from jaxseg.data.large.tiff_writer import write_tiff
from jaxseg.data.pixel_type import PixelType
from jaxseg.data.reader import ReadOptions, open_boxes
from jaxseg.data.spec import DatasetSpec
from jaxseg.inference.label_rows import LabelRows
from jaxseg.inference.prediction import Prediction
from jaxseg.storage import atomic
from jaxseg.tasks.prediction import FileResult, failure

OVERLAY = 2048  # The longer side of the overlay of a large image.
_SECONDS = 60.0  # The time between two lines about the progress.
_REMEDY = "Repeat the interrupted command, or pass --overwrite to start again."
_ROWS = 256  # Rows are written in groups of at least this many.


@dataclasses.dataclass(frozen=True)
class LargeJob:
    """Describes a large image to segment, and where its results are written.

    Attributes:
      path: The image file.
      name: The output folder and the base name of the results, such as "out/cat".
      size: The height and width of the image.
    """

    path: Path
    name: Path
    size: tuple[int, int]

    @property
    def result(self) -> Path:
        """Returns the path of the file to which the predicted classes are written."""
        suffix = ".npy" if self.path.suffix.lower() == ".npy" else ".tif"
        return self.name.with_name(self.name.name + suffix)

    @property
    def part(self) -> Path:
        """Returns the path of NAME.part, which has the rows finished so far."""
        return self.name.with_name(f"{self.name.name}.part")

    @property
    def picture(self) -> Path:
        """Returns the path of the overlay, the image with the classes in color."""
        return self.name.with_name(f"{self.name.name}_overlay.png")

    def paths(self, *, overlay: bool) -> list[Path]:
        """Returns the paths of all files that are written for this image.

        Args:
          overlay: Whether an overlay is written.
        """
        return [self.result] + ([self.picture] if overlay else [])


@dataclasses.dataclass(frozen=True)
class LargePrediction:
    """Segments large images, and continues those that were interrupted.

    Attributes:
      labels: The object that segments an image window by window.
      spec: The classes of the result.
      trained: The number of channels and the pixel type of the training images.
      identity: A dictionary of JSON values that describe the weights and options. An
        interrupted image is continued only if they have not changed.
      reading: The options with which image files are read.
      overlay: Whether to write an overlay of reduced size.
      overwrite: Whether to start again instead of continuing.
      report: A function that shows one line of text about the progress.
    """

    labels: LabelRows
    spec: DatasetSpec
    trained: PixelType
    identity: Mapping[str, Any]
    reading: ReadOptions
    overlay: bool = True
    overwrite: bool = False
    report: Callable[[str], None] = lambda line: None

    def result(self, job: LargeJob, *, stop: bool = False) -> FileResult:
        """Segments an image, and returns a `FileResult`.

        It contains the path of the predicted classes, or the error that prevented the
        segmentation.

        Args:
          job: The image.
          stop: Whether to raise the error instead of returning it.
        """
        try:
            return FileResult((job.path,), self.run(job))
        except (ValueError, OSError, RuntimeError, MemoryError) as error:
            text = " ".join(str(error).split())
            text = text if str(job.path) in text else f"{job.path}: {text}"
            return failure((job.path,), ValueError(text), stop=stop)

    def run(self, job: LargeJob) -> Path:
        """Segments an image and writes its results.

        Args:
          job: The image.

        Returns:
          The path of the file with the predicted classes.

        Raises:
          ValueError: If the image cannot be read, if its channels or type differ from
            those of the training images, or if an earlier command with other options
            was interrupted.
        """
        image = open_boxes(job.path, self.reading)
        try:
            self._check(job, image)
            rows = self._rows_file(job, image)
            self._compute(job, image, rows)
            if self.overlay:
                self._write_overlay(job, image, rows)
            self._write_classes(job, image, rows)
        finally:
            image.close()
        return job.result

    def _check(self, job: LargeJob, image: LargeImage) -> None:
        if image.pixels != self.trained:
            raise ValueError(
                f"{shown(job.path)}: The image has {image.pixels}, but the network was "
                f"trained on images with {self.trained}. Use images like those of the "
                "training."
            )

    def _rows_file(self, job: LargeJob, image: LargeImage) -> RowsFile:
        found, spec = job.path.stat(), self.spec
        shape = (*image.size, spec.num_classes) if spec.multilabel else image.size
        wide = not spec.multilabel and spec.num_classes > 255
        given = {"bytes": found.st_size, "modified": found.st_mtime_ns}
        origin = {"image": {**given, "size": image.size}, **self.identity}
        return RowsFile(
            job.part, shape, np.dtype("uint16" if wide else "uint8"), origin
        )

    def _compute(self, job: LargeJob, image: LargeImage, rows: RowsFile) -> None:
        if self.overwrite:
            rows.remove()
        done, height = rows.start(), image.size[0]
        self.report(f"{job.path}: {self.labels.describe(image)}")
        if done:
            self.report(f"{job.path}: continues after row {done} of {height}")
        begin, begun, said = time.monotonic(), done, time.monotonic()
        for first, found in _grouped(self.labels.rows(image, start=done)):
            rows.write(first, found * 255 if self.spec.multilabel else found)
            done, now = first + len(found), time.monotonic()
            if now - said > _SECONDS and done < height:
                left = (now - begin) / (done - begun) * (height - done) / 60
                self.report(
                    f"{job.path}: {done} of {height} rows, {left:.0f} minutes left"
                )
                said = now

    def _write_classes(self, job: LargeJob, image: LargeImage, rows: RowsFile) -> None:
        if job.result.suffix == ".npy":
            rows.become(job.result)
            return
        by_color = not self.spec.multilabel and rows.dtype == np.uint8
        with atomic.replacing(job.result) as path:
            write_tiff(
                path,
                rows.read,
                shape=rows.shape,
                dtype=rows.dtype,
                palette=np.array(self.spec.palette, np.uint8) if by_color else None,
                geo=image.geo,
            )
        rows.remove()

    def _write_overlay(self, job: LargeJob, image: LargeImage, rows: RowsFile) -> None:
        """Writes an overlay of every n-th row and column."""
        height, width = image.size
        step = -(-max(height, width) // OVERLAY)
        pixels, labels = [], []
        for row in range(0, height, step):
            pixels.append(image.read((row, 0, row + 1, width))[0, ::step])
            labels.append(rows.read(row, row + 1)[0, ::step])
        found = Prediction(
            np.stack(pixels),
            labels=np.stack(labels).astype(bool if self.spec.multilabel else np.int32),
            spec=self.spec,
            compute_probabilities=lambda: None,
        )
        with atomic.replacing(job.picture) as path:
            Image.fromarray(found.overlay()).save(path)


def _grouped(rows: Iterator[Any]) -> Iterator[tuple[int, np.ndarray]]:
    """Joins finished rows, so that they are written in larger groups."""
    waiting: list[np.ndarray] = []
    top = count = 0
    for first, values in rows:
        top = first if not waiting else top
        waiting.append(np.asarray(values))
        count += len(values)
        if count >= _ROWS:
            yield top, np.concatenate(waiting)
            waiting, count = [], 0
    if waiting:
        yield top, np.concatenate(waiting)
