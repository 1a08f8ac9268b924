"""Groups image files into batches of equal padded size, for prediction."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Container, Iterator, Sequence
from pathlib import Path

import numpy as np

from jaxseg.data.parts import Page
from jaxseg.data.reader import ReadOptions
from jaxseg.data.spec import DatasetSpec
from jaxseg.data.trained_images import read_like

Size = tuple[int, int]


@dataclasses.dataclass(frozen=True)
class Job:
    """Describes an image file to segment, and where its results are written.

    Attributes:
        path: The image file, or one slice of a file.
        name: The output folder and the base name of the results, such as "out/cat".
        size: The height and width of the image.
    """

    path: Path | Page
    name: Path
    size: Size


@dataclasses.dataclass(frozen=True)
class Batch:
    """Describes a batch of images that are read into one array.

    Attributes:
        jobs: The images, in the order of the first axis of the array.
        rows: The number of images in the array. The last ones are padding if there are
          fewer jobs.
        size: The height and width of the array.
    """

    jobs: tuple[Job, ...]
    rows: int
    size: Size


def batches(
    jobs: Sequence[Job],
    *,
    rows: int,
    padded: Callable[[Size], Size],
    finished: Container[Path] = (),
) -> Iterator[Batch]:
    """Groups images by their padded size and yields a `Batch` for each batch.

    All batches of one size have an equal number of rows, so that one program is
    compiled for each size. This number depends on all images, even though finished
    images are left out. The other images are therefore segmented by the same programs
    as without an interruption.

    Args:
        jobs: The images.
        rows: The maximum number of images in a batch.
        padded: Maps the size of an image to the size to which it is padded.
        finished: The image files to leave out.
    """
    sizes: dict[Size, list[Job]] = {}
    for job in jobs:
        sizes.setdefault(padded(job.size), []).append(job)
    for size, members in sizes.items():
        share = min(rows, len(members))
        rest = [job for job in members if job.path not in finished]
        for first in range(0, len(rest), share):
            yield Batch(tuple(rest[first : first + share]), share, size)


def read_batch(
    batch: Batch, options: ReadOptions, spec: DatasetSpec
) -> tuple[np.ndarray, dict[int, ValueError]]:
    """Reads the images of a batch into one array.

    Args:
        batch: The images.
        options: The options for reading files.
        spec: The channels, the type and the mean of the images. Padding has the mean.

    Returns:
      The pixels [rows, H, W, C] with each image in the upper left corner, and a
      dictionary with the error for each image that cannot be read. Its keys are indices
      along the first axis of the pixels.
    """
    pixels = np.empty((batch.rows, *batch.size, spec.channels), spec.image_dtype)
    pixels[:] = spec.mean_color
    errors: dict[int, ValueError] = {}
    for row, job in enumerate(batch.jobs):
        try:
            image = _read(job, options, spec)
        except ValueError as error:
            errors[row] = error
        else:
            pixels[row, : job.size[0], : job.size[1]] = image
    return pixels, errors


def _read(job: Job, options: ReadOptions, spec: DatasetSpec) -> np.ndarray:
    pixels = read_like(job.path, options, spec)
    if pixels.shape[:2] != job.size:
        raise ValueError(
            f"{job.path} is invalid: expected {job.size} pixels (height, width), as "
            f"when the command started, found {pixels.shape[:2]}. Start the command "
            "again when the file is complete."
        )
    return pixels
