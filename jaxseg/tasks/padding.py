"""Decides to which sizes the images of a prediction are padded."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from jaxseg.data.trained_images import read_like
from jaxseg.inference.buckets import choose_buckets
from jaxseg.inference.image_batches import Job
from jaxseg.inference.padding_effect import padding_effect
from jaxseg.inference.segmenter import Segmenter
from jaxseg.tasks.prediction import Request
from jaxseg.text import counted
from jaxseg.typing import Size

SAMPLE = 4  # The number of images that are also segmented without padding.


@dataclasses.dataclass(frozen=True)
class Padding:
    """Contains the sizes to which images are padded.

    Attributes:
      segmenter: The network, with the rule by which an evaluation pads images.
      buckets: A dictionary from the height and width of an image to those of the
        padded image. It is empty if all images are padded as in an evaluation.
    """

    segmenter: Segmenter
    buckets: Mapping[Size, Size]

    def size_of(self, size: Size) -> Size:
        """Returns the height and width to which images of a given size are padded.

        Args:
          size: The height and width of the images before padding.
        """
        return self.buckets.get(size) or self.segmenter.padded_size(size)

    def notes(self, jobs: Sequence[Job]) -> Iterator[str]:
        """Yields lines of text about the padded sizes and their effect on the labels.

        To find the effect, a few images are segmented with and without padding.
        """
        sizes = sorted(set(self.buckets.values()))
        jobs = [job for job in jobs if job.size in self.buckets]
        before = sum(np.prod(job.size) for job in jobs)
        after = sum(np.prod(self.size_of(job.size)) for job in jobs)
        shown = ", ".join(f"{height}x{width}" for height, width in sizes)
        yield (
            f"{counted(len(self.buckets), 'image size')} padded to "
            f"{counted(len(sizes), 'size')} ({shown}), which adds "
            f"{after / max(before, 1) - 1:.1%} pixels."
        )
        if images := self._sample(jobs):
            yield str(padding_effect(self.segmenter, images, self.size_of))

    def _sample(self, jobs: Sequence[Job]) -> list[np.ndarray]:
        """Reads images of different sizes, those with the most padding first."""
        segmenter = self.segmenter
        added = {
            job.size: np.prod(self.size_of(job.size)) / np.prod(job.size)
            for job in jobs
            if job.size in self.buckets and self.buckets[job.size] != job.size
        }
        images: list[np.ndarray] = []
        for size in sorted(added, key=lambda size: (-added[size], size)):
            job = next(job for job in jobs if job.size == size)
            try:
                image = read_like(job.path, segmenter.reading, segmenter.spec)
            except ValueError:  # The prediction itself reports the error.
                continue
            if image.shape[:2] == size:
                images.append(image)
            if len(images) == SAMPLE:
                break
        return images


def padding_of(request: Request, jobs: Sequence[Job], segmenter: Segmenter) -> Padding:
    """Returns the `Padding` with the sizes to which the images are padded.

    Args:
      request: The options of the prediction.
      jobs: The images.
      segmenter: The network.

    Raises:
      ValueError: If `buckets` is set and the images are segmented in windows, which
        all have one size.
    """
    if request.buckets is None or not jobs:
        return Padding(segmenter, {})
    if request.segment.mode != "whole":
        raise ValueError(
            f"buckets={request.buckets} is invalid with mode="
            f"{request.segment.mode!r}: expected mode='whole', because all windows "
            "have one size. Leave the option out."
        )
    # Images that are read in windows are not padded.
    sizes = [job.size for job in jobs if isinstance(job, Job)]
    return Padding(segmenter, choose_buckets(sizes, request.buckets))
