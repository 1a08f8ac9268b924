"""Evaluates the network of a run on validation images, as `jaxseg eval` does.

One pass over the images yields the confusion matrix, the calibration, the scores near
boundaries and the predictions from which the pictures are drawn.
"""

from __future__ import annotations

import dataclasses
import time
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxseg.config.stored_code import permitted, require_named
from jaxseg.metrics.calibration import Calibration, calibration, total
from jaxseg.report.omissions import (
    BOUNDARY,
    CALIBRATION,
    CONFUSION,
    PICTURES,
    omitted_parts,
)
from jaxseg.report.record import RunRecord
from jaxseg.report.sample import bounded_split
from jaxseg.runs.classes import with_classes
from jaxseg.runs.network import load_network
from jaxseg.tasks.calibration import CalibrationMeter
from jaxseg.tasks.evaluation import Evaluation, Progress, evaluate_network, silent
from jaxseg.tasks.functions import training_of
from jaxseg.tasks.image_scores.score_set import ScoreSet, choose_scores
from jaxseg.training.devices import selection
from jaxseg.training.run.observation import Observed

TRIMAP, IMAGE = "trimap", "image"  # Groups of scores, see `jaxseg eval --scores`.


@dataclasses.dataclass(frozen=True)
class MeasureOptions:
    """Sets which checkpoint of a run a report evaluates, and on how many images.

    Attributes:
      images: The largest number of validation images. 0 evaluates nothing.
      checkpoint: "best", "latest" or the number of a saved step.
      raw_dir: The folder with the original files of the dataset. None takes the folder
        of the run's configuration.
      prepared_dir: The folder of the prepared data. None takes the folder of the run's
        configuration.
      modules: The modules of `data.module` that may be executed. Other modules that the
        run's configuration names are refused.
      verify: Whether to compare the weights with the digest stored with them.
      progress: A function that shows the progress; see the argument `progress` of
        `jaxseg.tasks.evaluation.evaluate_network`.
    """

    images: int = 200
    checkpoint: str | int = "best"
    raw_dir: str | None = None
    prepared_dir: str | None = None
    modules: tuple[str, ...] = ()
    verify: bool = True
    progress: Progress = silent


class Predicted(NamedTuple):
    """Contains the predicted classes of one validation image, and their IoU.

    Attributes:
      index: The index of the image in the split.
      name: The name of the image.
      score: The IoU of the image: the mean over the classes that occur in it.
      shape: The height and width.
      packed: The predicted classes, uint16 [H, W], compressed by zlib.
    """

    index: int
    name: str
    score: float
    shape: tuple[int, int]
    packed: bytes

    def labels(self) -> np.ndarray:
        """Returns the predicted classes, uint16 [H, W]."""
        return np.frombuffer(zlib.decompress(self.packed), np.uint16).reshape(
            self.shape
        )


@dataclasses.dataclass(frozen=True, eq=False)
class Measurement:
    """Contains the result of evaluating one run on validation images.

    Attributes:
      step: The training step of the checkpoint.
      split: The split or slice that was evaluated, as `jaxseg eval --split` takes it.
      images: The number of images that were evaluated.
      available: The number of images of the whole validation split.
      seconds: The time of the pass over the images, with compilation.
      scores: A dictionary from score names to the scores that `jaxseg eval` computes.
      matrix: The confusion matrix, int64 [K + 1, K], or None if it is undefined.
      calibration: The calibration of the probabilities, or None if it is undefined.
      trimap: The mean IoU in bands of 1, 2, ... pixels around boundaries, or None if it
        is undefined.
      predicted: The predictions, in dataset order; empty if no pictures can be drawn.
      omitted: A dictionary from each part of the report that is undefined for the run
        to the reason.
      source: The examples of the split.
    """

    step: int
    split: str
    images: int
    available: int
    seconds: float
    scores: Mapping[str, Any]
    matrix: np.ndarray | None
    calibration: Calibration | None
    trimap: np.ndarray | None
    predicted: Sequence[Predicted]
    omitted: Mapping[str, str]
    source: Any


@dataclasses.dataclass(frozen=True)
class PredictionMeter:
    """Keeps the predicted classes of each image of an evaluation, compressed."""

    needs_probabilities = False

    def measure(self, example: Observed) -> tuple[int, str, tuple[int, int], bytes]:
        """Returns a tuple: an image's index, name, (height, width) and prediction.

        The prediction is the predicted classes, uint16 [H, W], compressed by zlib.
        """
        labels = example.prediction.astype(np.uint16)
        packed = zlib.compress(labels.tobytes(), level=1)
        return example.index, example.name, labels.shape, packed


def measure(
    record: RunRecord,
    options: MeasureOptions,
    *,
    devices: list[jax.Device] | None = None,
) -> Measurement:
    """Evaluates the network of a run on validation images and returns the result.

    Args:
      record: The run.
      options: The checkpoint, the number of images and the folders of the data.
      devices: The JAX devices to use. By default all devices are used.

    Raises:
      ValueError: If the data or the checkpoint cannot be read.
      OSError: If a file cannot be read.
    """
    config, spec, start = record.config, record.spec, time.perf_counter()
    folders = {"raw_dir": options.raw_dir, "prepared_dir": options.prepared_dir}
    given = {name: path for name, path in folders.items() if path is not None}
    data = permitted(dataclasses.replace(config.data, **given), options.modules)
    require_named(data)
    data = with_classes(record.workdir, data, named=False)
    config = dataclasses.replace(config, data=data)
    model, step, variables = load_network(
        record.workdir,
        config,
        spec,
        checkpoint=options.checkpoint,
        verify=options.verify,
    )
    open_source = training_of(config).open_source
    source = open_source(config.data, config.data.eval_split, trained=spec)
    available = len(source)
    split = bounded_split(config, available, options.images)
    omitted = omitted_parts(config, spec)
    meters = _meters(config, spec, omitted)
    found = evaluate_network(
        config,
        spec,
        model,
        variables,
        split=split,
        batch_size=config.train.eval_batch_size,
        chosen=selection.choose() if devices is None else devices,
        observers=tuple(meters.values()),
        progress=options.progress,
    )
    if split != config.data.eval_split and PICTURES in meters:
        source = open_source(config.data, split, trained=spec)
    return Measurement(
        step,
        split=split,
        images=found.num_examples,
        available=available,
        seconds=time.perf_counter() - start,
        source=source,
        omitted=omitted,
        **_results(found, meters, omitted),
    )


def _meters(config, spec, omitted) -> dict[str, Any]:
    """Returns the observers of the parts that are defined, by the name of the part."""
    meters: dict[str, Any] = {}
    if CALIBRATION not in omitted:
        meters[CALIBRATION] = CalibrationMeter()
    names = [TRIMAP] if BOUNDARY not in omitted else []
    if PICTURES not in omitted:
        meters[PICTURES] = PredictionMeter()
        names.append(IMAGE)
    if names:
        meters[BOUNDARY] = choose_scores(names, config, spec)
    return meters


def _results(found: Evaluation, meters, omitted) -> dict[str, Any]:
    """Combines the results of the observers."""
    results = dict(zip(meters, found.results, strict=True))
    values: dict[str, Any] = {
        "scores": found.scores,
        "matrix": None if CONFUSION in omitted else found.total.matrix,
        "calibration": None,
        "trimap": None,
        "predicted": (),
    }
    if CALIBRATION in results:
        values["calibration"] = calibration(total(results[CALIBRATION]))
    if BOUNDARY in results:
        scores: ScoreSet = meters[BOUNDARY]
        groups = scores.combine(found.total.matrix, results[BOUNDARY])
        if TRIMAP in groups:
            values["trimap"] = groups[TRIMAP]["trimap_iou"]
    if PICTURES in results:
        counts = [image[IMAGE] for image in results[BOUNDARY]]
        values["predicted"] = tuple(
            Predicted(index, name, image_iou(one), shape, packed)
            for (index, name, shape, packed), one in zip(
                results[PICTURES], counts, strict=True
            )
        )
    return values


def image_iou(counts: Any) -> float:
    """Returns the mean IoU over the classes of one image.

    These are the classes that occur in its label or in its prediction. The result is
    NaN if there are none.

    Args:
      counts: The `jaxseg.metrics.per_image.ClassCounts` of the image.
    """
    if not len(counts.classes):
        return float("nan")
    union = counts.label + counts.predicted - counts.hits
    return float((counts.hits / union).mean())
