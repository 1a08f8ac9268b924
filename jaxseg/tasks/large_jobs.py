"""Selects the images that `jaxseg predict` reads and writes in windows."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jaxseg.data.files import shown
from jaxseg.data.large.image import can_be_large
from jaxseg.data.pixel_type import PixelType
from jaxseg.data.reader import open_boxes
from jaxseg.inference.images import size_of
from jaxseg.inference.label_rows import label_rows
from jaxseg.inference.segmenter import Segmenter
from jaxseg.tasks.large_image import LargeJob, LargePrediction
from jaxseg.tasks.prediction import Request

_NO_LIMIT = 2**62  # More pixels than any file has: large images are read by rows.


def large_job(path: Path, target: Path, request: Request) -> LargeJob | None:
    """Returns the `LargeJob` of an image that must be read in windows, or None.

    A job contains the image file, its size and the path of its results. The result is
    None if the image is read as a whole.

    Args:
      path: The image file.
      target: The output folder and the base name of the results, such as "out/cat".
      request: The options, with the reader options of the network.

    Raises:
      ValueError: If the image is too large for --mode whole, or cannot be read in
        windows.
    """
    if not can_be_large(path):
        return None
    unlimited = dataclasses.replace(request.reading, max_pixels=_NO_LIMIT)
    height, width = size_of(path, unlimited)
    largest = request.reading.max_pixels
    if request.segment.mode == "whole":
        if height * width <= largest:
            return None
        raise ValueError(
            f"{shown(path)}: The file has {height} x {width} pixels, more than "
            f"data.max_pixels={largest}. Pass --mode slide and --window HEIGHT WIDTH "
            "to read it in windows. If you trust the file and it fits into memory, you "
            f"can pass --data.max-pixels {height * width} instead."
        )
    if height * width <= (request.large_above or largest):
        return None
    image = open_boxes(path, request.reading)
    image.close()
    return LargeJob(path, target, (height, width))


def check_large(jobs: list[Any], request: Request) -> None:
    """Raises ValueError if an option does not apply to the large images of a request.

    Args:
      jobs: The images.
      request: The options of the prediction.
    """
    large = [job for job in jobs if isinstance(job, LargeJob)]
    averaging = request.segment.averaging
    chosen = {
        "probabilities": request.probabilities,
        f"write={request.further}": bool(request.further),
        f"samples={request.samples}": request.samples > 0,
        "crf_steps": request.crf_steps,
        f"attention={request.attention}": request.attention is not None,
        "workdir with several runs": bool(request.ensemble),
        f"maps={averaging.maps}": bool(averaging.maps),
        f"dropout_samples={averaging.dropout_samples}": averaging.dropout_samples > 0,
    }
    for name, is_set in chosen.items() if large else ():
        if is_set:
            raise ValueError(
                f"{name} is invalid for {shown(large[0].path)}: expected the default, "
                "because this image is so large that it is read in windows. Only its "
                "classes and an overlay can be written. Leave the option out, or "
                "segment a part of the image."
            )


def large_prediction(
    jobs: list[Any],
    request: Request,
    segmenter: Segmenter,
    identity: Mapping[str, Any],
) -> LargePrediction | None:
    """Returns the object that segments the large images of a request.

    Args:
      jobs: The images. If none is large, the result is None.
      request: The options of the prediction.
      segmenter: The network.
      identity: A dictionary of JSON values that describe the weights and options on
        which the results depend.

    Raises:
      ValueError: If an option needs a whole image.
    """
    if not any(isinstance(job, LargeJob) for job in jobs):
        return None
    spec = segmenter.spec
    labels = label_rows(segmenter, folder=request.output)
    return LargePrediction(
        labels,
        spec,
        PixelType(spec.channels, spec.image_type),
        identity,
        reading=segmenter.reading,
        overlay=request.overlay,
        overwrite=request.overwrite,
        report=request.report,
    )
