"""Holds the network of a run, and segments the images of requests in three stages."""

from __future__ import annotations

import collections
import dataclasses
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxseg.config import Config
from jaxseg.data.read_options import ReadOptions
from jaxseg.data.spec import DatasetSpec
from jaxseg.data.trained_images import options_like, read_like
from jaxseg.inference.prediction import Prediction
from jaxseg.inference.refinement import Refiner
from jaxseg.inference.segmenter import PredictOptions, Segmenter
from jaxseg.runs.network import LoadedNetwork
from jaxseg.runs.outputs import with_threshold
from jaxseg.serve.answers import Answer, answer_of
from jaxseg.serve.metrics import Metrics
from jaxseg.serve.options import ServeOptions
from jaxseg.serve.parameters import PredictParameters, View
from jaxseg.typing import Size

MOST_VIEWS = 8  # The number of combinations of scales, flips and thresholds in memory.


class Key(NamedTuple):
    """Identifies a group of images that can share a batch.

    Attributes:
      view: The options that determine how the network is applied.
      size: The height and width to which the images are padded.
      soft: Whether class probabilities are computed in addition to the labels.
    """

    view: View
    size: Size
    soft: bool


class Task(NamedTuple):
    """Contains an accepted image.

    Attributes:
      path: The image file.
      size: The height and width of the image.
      parameters: The options of the request.
    """

    path: Path
    size: Size
    parameters: PredictParameters


class Programs:
    """Removes all compiled programs when there are too many in memory.

    Args:
      limit: The largest number of programs.
    """

    def __init__(self, limit: int) -> None:
        self._limit, self._known, self._lock = limit, set(), threading.Lock()

    def note(self, *program: Any) -> None:
        """Counts a program that is about to run, unless it was counted before.

        The values in `program` identify it. If the limit is reached, all compiled
        programs are removed first, and the count starts again.
        """
        with self._lock:
            if program in self._known:
                return
            if len(self._known) >= self._limit:
                jax.clear_caches()
                self._known.clear()
            self._known.add(program)


@dataclasses.dataclass(frozen=True, eq=False)
class ServedNetwork:
    """Contains the network of a run and applies it to batches of images.

    It implements the stages of a `Pipeline`.

    Attributes:
      config: The configuration of the run.
      spec: The classes, and the channels and statistics of the pixels.
      loaded: The network and its variables.
      options: The options of the service.
      metrics: Counts batches and measures the network.
      programs: Bounds the number of compiled programs.
    """

    config: Config
    spec: DatasetSpec
    loaded: LoadedNetwork
    options: ServeOptions
    metrics: Metrics
    programs: Programs
    _views: collections.OrderedDict[View, Segmenter] = dataclasses.field(
        default_factory=collections.OrderedDict
    )
    _lock: threading.Lock = dataclasses.field(default_factory=threading.Lock)

    @property
    def reading(self) -> ReadOptions:
        """Returns the options with which image files are read."""
        data = self.config.data
        options = ReadOptions(
            range=None if isinstance(data.range, str) else data.range,
            max_pixels=self.options.max_pixels,
        )
        return options_like(options, self.spec)

    def segmenter(self, view: View) -> Segmenter:
        """Returns an object that segments images with the network.

        It applies the preprocessing and the options in `view`, such as the scales.

        Raises:
          ValueError: If `view` sets a threshold, but the network has a softmax, to
            which no threshold applies.
        """
        with self._lock:
            found = self._views.pop(view, None) or self._new_segmenter(view)
            self._views[view] = found
            if len(self._views) > MOST_VIEWS:
                self._views.popitem(last=False)
        return found

    def _new_segmenter(self, view: View) -> Segmenter:
        placed = next((s.variables for s in self._views.values()), None)
        return Segmenter(
            self.loaded.model,
            self.loaded.variables if placed is None else placed,
            with_threshold(self.config, self.spec, view.threshold),
            scale=self.config.data.eval_scale,
            options=PredictOptions(
                scales=view.scales,
                flip=view.flip,
                batch_size=self.options.max_batch,
                multiple=self.options.pad_multiple or self.config.data.eval_multiple,
            ),
            reading=self.reading,
        )

    def key(self, task: Task) -> Key:
        """Returns the key of the group of images with which an image can share a batch.

        Args:
          task: The accepted image, with the options of its request.

        Raises:
          ValueError: If an option does not suit the network.
        """
        view = task.parameters.view
        segmenter = self.segmenter(view)
        self.refiner(task.parameters)  # It checks that the steps suit the classes.
        return Key(view, segmenter.padded_size(task.size), task.parameters.soft)

    def refiner(self, parameters: PredictParameters) -> Refiner | None:
        """Returns the function that refines a prediction.

        The result is None if the request asks for no refinement.
        """
        if not parameters.refinement.is_active:
            return None
        segmenter = self.segmenter(parameters.view)
        return Refiner(parameters.refinement, segmenter.spec, segmenter.form)

    def limit(self, key: Key) -> int:
        """Returns the largest number of images in a batch of the group `key`.

        It is smaller for larger images, so that a batch has a bounded number of pixels.
        """
        pixels = max(1, int(np.prod(key.size) * max(key.view.scales) ** 2))
        return max(1, min(self.options.max_batch, self.options.max_pixels // pixels))

    def decode(self, key: Key, task: Task) -> np.ndarray:
        """Reads the pixels of an image, [H, W, C]."""
        return read_like(task.path, self.reading, self.spec)

    def run(
        self, key: Key, inputs: Sequence[np.ndarray]
    ) -> list[tuple[np.ndarray, np.ndarray, np.ndarray | None]]:
        """Segments a batch of images, which may have different sizes.

        Returns:
          For each image, a tuple (pixels, labels, probabilities) without padding. The
          probabilities are None if the group needs none.
        """
        segmenter = self.segmenter(key.view)
        rows = 1 << (len(inputs) - 1).bit_length()
        self.programs.note(key, rows)
        pixels = np.empty((rows, *key.size, self.spec.channels), self.spec.image_dtype)
        pixels[:] = self.spec.mean_color
        for row, image in zip(pixels, inputs, strict=False):
            row[: image.shape[0], : image.shape[1]] = image
        start = time.monotonic()
        found = segmenter.segmented(pixels, soft=key.soft)
        self.metrics.ran(len(inputs), time.monotonic() - start)
        soft = found.probabilities
        return [
            (
                image,
                found.labels[row, : image.shape[0], : image.shape[1]],
                None if soft is None else soft[row, : image.shape[0], : image.shape[1]],
            )
            for row, image in enumerate(inputs)
        ]

    def encode(self, key: Key, task: Task, output: Any) -> Answer:
        """Refines the prediction for one image and encodes the answer."""
        image, labels, probabilities = output
        if refine := self.refiner(task.parameters):
            size = tuple(-(-side // 32) for side in image.shape[:2])
            if crf := task.parameters.refinement.crf:
                self.programs.note(size, crf)
            labels, probabilities = refine(probabilities, image)
        prediction = Prediction(
            image,
            labels=labels,
            spec=self.segmenter(key.view).spec,
            compute_probabilities=lambda: probabilities,
        )
        return answer_of(prediction, task.parameters)

    def warm_up(self, report: Callable[[str], None]) -> None:
        """Compiles the programs for the image sizes in the options of the service.

        Without such sizes, it takes the crop size of the training.

        Args:
          report: A function that takes a line of text about each size and shows it.
        """
        sizes = self.options.warm_up or (self.config.data.crop,)
        for size in sizes:
            start = time.monotonic()
            padded = self.segmenter(View()).padded_size(size)
            image = np.zeros((*size, self.spec.channels), self.spec.image_dtype)
            for soft in (False, True):
                key, count = Key(View(), padded, soft), 1
                while count <= self.limit(key):
                    self.run(key, [image] * count)
                    count *= 2
            seconds = time.monotonic() - start
            report(f"{size[0]} x {size[1]} pixels: compiled in {seconds:.1f} s")
