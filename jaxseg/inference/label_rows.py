"""Segments images that do not fit into memory, in windows or tiles, row by row."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxseg.inference.exact.segmentation import ExactSegmentation
from jaxseg.inference.segmenter import Segmenter
from jaxseg.inference.windows.inputs import ArrayPixels, Pixels
from jaxseg.inference.windows.sliding import SlidingWindows, most_probable
from jaxseg.inference.windows.stream import Rows
from jaxseg.ops.preprocess import scaled_size
from jaxseg.typing import Size


@dataclasses.dataclass(frozen=True)
class LabelRows:
    """Segments images by windows, and yields rows of classes as they are finished.

    Attributes:
      sliding: The object that runs the network on windows and averages its outputs.
      decide: A function from averaged logits [..., K] to classes.
    """

    sliding: SlidingWindows
    decide: Callable[[Any], Any]

    def rows(self, pixels: Pixels, *, start: int = 0) -> Iterator[Rows]:
        """Yields the rows of classes of an image, from top to bottom.

        Args:
          pixels: The image, of the type in the dataset's specification.
          start: The number of rows at the top of the image that are left out.

        Yields:
          Rows of classes, integers [n, W], or booleans [n, W, K] if
            classes can overlap.
        """
        return self.sliding.rows(pixels, decide=self.decide, start=start)

    def describe(self, pixels: Pixels) -> str:
        """Returns a line of text about the windows of an image.

        The line states the number and the size of the windows, how many GB the sums of
        their outputs take, and where these are held, for example in a file.

        Args:
          pixels: The image.
        """
        return self.sliding.describe(pixels)


@dataclasses.dataclass(frozen=True)
class ExactLabelRows:
    """Segments images in tiles, and yields rows of classes as they are finished.

    The classes are those that the network predicts for the whole image.

    Attributes:
      segmentation: The object that runs the network in tiles.
    """

    segmentation: ExactSegmentation

    def rows(self, pixels: Pixels, *, start: int = 0) -> Iterator[Rows]:
        """Yields the rows of classes of an image, from top to bottom.

        Args:
          pixels: The image, of the type in the dataset's specification.
          start: The number of rows at the top of the image that are left out.

        Yields:
          Rows of classes, integers [n, W], or booleans [n, W, K] if
            classes can overlap.
        """
        return self.segmentation.rows(pixels, start=start)

    def describe(self, pixels: Pixels) -> str:
        """Returns a line of text with the size of an image that is computed in tiles.

        An example is "3000 x 4000 pixels in exact tiles".

        Args:
          pixels: The image.
        """
        height, width = pixels.size
        return f"{height} x {width} pixels in exact tiles"


def label_rows(
    segmenter: Segmenter, *, folder: Path | None = None
) -> LabelRows | ExactLabelRows:
    """Returns the object that segments images in windows or tiles, row by row.

    It is an `ExactLabelRows` if the mode is "exact", and otherwise a `LabelRows`.

    Args:
      segmenter: The network, with options whose mode is not "whole".
      folder: The folder of the memory-mapped file for the sums over windows, which the
        option `accumulate` can require with "auto" or "file". None selects the system's
        folder for temporary files.

    Raises:
      ValueError: If an option needs the whole image.
    """
    check_by_rows(segmenter)
    options = segmenter.options
    if options.mode == "exact":
        return ExactLabelRows(segmenter.exact)
    windows = dataclasses.replace(options.windows, folder=folder)
    by_sum = options.dataset is not None or segmenter.spec.multilabel
    apply = segmenter.class_logits if by_sum else segmenter.decisions
    sliding = SlidingWindows(apply, windows, options.mode, prepare=segmenter.prepare)
    if not by_sum:
        return LabelRows(sliding, most_probable)
    probabilities = jax.nn.sigmoid if segmenter.spec.multilabel else jax.nn.softmax

    @jax.jit
    def decide(logits):
        found = segmenter.network.in_dataset(probabilities(logits))
        return segmenter.form.labels_of(found)

    return LabelRows(sliding, decide)


def describe_windows(segmenter: Segmenter, size: Size) -> str:
    """Returns a line of text about the windows of an image that is in memory.

    The line states the number and the size of the windows, how many GB the sums of
    their outputs take, and where these are held, for example in a file.

    Args:
      segmenter: The network, with options whose mode is "slide" or "tile".
      size: The height and width of the image.
    """
    options, spec = segmenter.options, segmenter.spec
    scaled = scaled_size(size, segmenter.network.scale)
    pixels = np.broadcast_to(np.float32(0), (*scaled, spec.channels))
    sliding = SlidingWindows(segmenter.decisions, options.windows, options.mode)
    return sliding.describe(ArrayPixels(pixels))


def check_by_rows(segmenter: Segmenter) -> None:
    """Raises ValueError if an option needs the whole image at once.

    Args:
      segmenter: The network with the options of the prediction.
    """
    options = segmenter.options
    exact = options.mode == "exact"
    if options.mode == "whole" or (options.windows is None and not exact):
        raise ValueError(
            f"mode={options.mode!r}, window={options.window} is invalid for an image "
            "that is read in windows: expected mode='slide' and a window, or "
            "mode='exact'."
        )
    if segmenter.network.scale != 1 and not exact:
        raise ValueError(
            f"data.eval_scale={segmenter.network.scale} of the run is invalid for an "
            "image that is read in windows: expected 1. Use a run that "
            "was trained with data.eval_scale=1 on images of the scale you want, and "
            "resize the image to this scale first."
        )
    chosen = {
        f"scales={options.scales}": options.scales != (1.0,),
        "flip=True": options.flip,
        "crf, graphcut, class_thresholds or clean": options.refinement.is_active,
    }
    for name, is_set in chosen.items():
        if is_set:
            raise ValueError(
                f"{name} is invalid for an image that is read in windows: it needs the "
                "whole image. Leave the option out."
            )
