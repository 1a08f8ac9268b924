"""Batches of image files of one padded size, for prediction."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from jaxseg.data.reader import ReadOptions, read_pixels
from jaxseg.inference.predict import round_up

Size = tuple[int, int]


@dataclasses.dataclass(frozen=True)
class Job:
    """One image file, the name of its results without suffix, and its (H, W)."""

    path: Path
    name: Path
    size: Size


@dataclasses.dataclass(frozen=True)
class Batch:
    """Jobs whose images share an array.

    Attributes:
        jobs: the images, one per row.
        rows: rows of the array; those without an image are padding.
        size: (H, W) of the array.
    """

    jobs: tuple[Job, ...]
    rows: int
    size: Size


def batches(jobs: Sequence[Job], *, rows: int, multiple: int) -> Iterator[Batch]:
    """Groups images by their padded size.

    All batches of a size have as many rows, so that each size compiles one program.

    Args:
        jobs: the images.
        rows: at most so many images in a batch.
        multiple: heights and widths are padded to multiples of this.
    """
    sizes: dict[Size, list[Job]] = {}
    for job in jobs:
        size = tuple(round_up(side, multiple) for side in job.size)
        sizes.setdefault(size, []).append(job)
    for size, members in sizes.items():
        share = min(rows, len(members))
        for first in range(0, len(members), share):
            yield Batch(tuple(members[first : first + share]), share, size)


def read_batch(
    batch: Batch, options: ReadOptions, *, fill: tuple[int, int, int]
) -> tuple[np.ndarray, dict[int, ValueError]]:
    """Reads the images of a batch.

    Args:
        batch: the images.
        options: how files are read.
        fill: color of the padding.

    Returns:
        uint8 [rows, H, W, 3] with the images in the upper left corners, and by row the
        errors of those that could not be read.
    """
    pixels = np.empty((batch.rows, *batch.size, 3), np.uint8)
    pixels[:] = fill
    errors: dict[int, ValueError] = {}
    for row, job in enumerate(batch.jobs):
        try:
            image = _read(job, options)
        except ValueError as error:
            errors[row] = error
        else:
            pixels[row, : job.size[0], : job.size[1]] = image
    return pixels, errors


def _read(job: Job, options: ReadOptions) -> np.ndarray:
    pixels = read_pixels(job.path, options)
    if pixels.shape[:2] != job.size:
        raise ValueError(
            f"{job.path}: it had {job.size} pixels (height, width) when the command "
            f"started and has {pixels.shape[:2]} now; start again when it is complete."
        )
    return pixels
