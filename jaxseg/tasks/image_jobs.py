"""Lists the images that `jaxseg predict` segments, with the files of their results."""

from __future__ import annotations

import os
from pathlib import Path

from jaxseg.data import DatasetSpec
from jaxseg.data.parts import Page
from jaxseg.inference.image_batches import Job
from jaxseg.inference.images import collect, named_images, size_of
from jaxseg.tasks.image_results import result_paths
from jaxseg.tasks.large_image import LargeJob
from jaxseg.tasks.large_jobs import check_large, large_job
from jaxseg.tasks.prediction import FileResult, Request, failure


def plan(
    request: Request, spec: DatasetSpec
) -> tuple[list[Job | LargeJob], list[FileResult]]:
    """Returns two lists: the readable images of a request, and the unreadable ones.

    The first list has a job for each image that can be read, with the paths of the
    image and of its results. The second list has a `FileResult` with the error for each
    other image.

    Args:
      request: The options of the prediction.
      spec: The classes of the run.

    Raises:
      ValueError: If a result would replace an image, if an option does not apply to an
        image that is read in windows, or if `stop` is set and an image cannot be read.
    """
    paths = collect(request.inputs)
    sources = {os.path.realpath(path) for path in paths}
    jobs, unreadable = [], []
    for name, path in named_images(paths):
        target = request.output / name
        try:
            is_slice = isinstance(path, Page)  # Slices are not read in windows.
            job = None if is_slice else large_job(path, target, request)
            job = job or Job(path, target, size_of(path, request.reading))
        except ValueError as error:
            unreadable.append(failure((path,), error, stop=request.stop))
            results = result_paths(target, request, spec)
        else:
            jobs.append(job)
            results = results_of(job, request, spec)
        for result in results:
            if os.path.realpath(result) in sources:
                raise ValueError(
                    f"output={str(request.output)!r} is invalid: {result} would "
                    "replace an image. Choose another -o."
                )
    check_large(jobs, request)
    return jobs, unreadable


def results_of(job: Job | LargeJob, request: Request, spec: DatasetSpec) -> list[Path]:
    """Returns a list of the paths of all files that are written for one image.

    Args:
      job: The image.
      request: The options of the prediction.
      spec: The classes of the run.
    """
    if isinstance(job, LargeJob):
        return job.paths(overlay=request.overlay)
    return result_paths(job.name, request, spec)
