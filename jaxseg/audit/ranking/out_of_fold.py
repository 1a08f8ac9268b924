"""Predicts each example with those networks that were not trained on it."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from jaxseg.audit.ranking.folds import audited_data, seen_by, unseen_runs
from jaxseg.config import Config
from jaxseg.data.opening import open_source
from jaxseg.data.source import Source
from jaxseg.data.spec import DatasetSpec
from jaxseg.inference.segmenter import PredictOptions, Segmenter
from jaxseg.runs.classes import check_classes
from jaxseg.runs.rules import invalid
from jaxseg.tasks.table import SEGMENTATION, task_of


class OpenRun(Protocol):
    """Defines the attributes and methods of `jaxseg.Run` that this module uses."""

    workdir: Path
    config: Config
    spec: DatasetSpec

    def make_segmenter(self, options: PredictOptions | None = None) -> Segmenter:
        """Returns a `Segmenter`, which segments images with the network of the run.

        Args:
          options: How images are segmented, or None for the default options.
        """


@dataclasses.dataclass(frozen=True, eq=False)
class OutOfFold:
    """Contains examples, and for each of them the networks not trained on it.

    Attributes:
      source: The examples.
      split: The split that contains them.
      workdirs: The run directories.
      segmenters: The network of each run.
      runs: For each example the indices of the runs that were not trained on it.
    """

    source: Source
    split: str
    workdirs: tuple[Path, ...]
    segmenters: tuple[Any, ...]
    runs: tuple[tuple[int, ...], ...]

    @functools.cached_property
    def spec(self) -> DatasetSpec:
        """Returns the dataset specification, such as the names of the classes."""
        return self.source.spec

    def __len__(self) -> int:
        return len(self.source)

    def probabilities(self, index: int) -> np.ndarray:
        """Predicts an example with the networks that were not trained on it.

        Args:
          index: The index of the example.

        Returns:
          The mean probabilities of these networks, float32 [H, W, K].
        """
        image, runs = self.source[index]["image"], self.runs[index]
        found = [self.segmenters[run].predict(image).probabilities for run in runs]
        return found[0] if len(found) == 1 else np.mean(found, axis=0)


def out_of_fold(
    runs: Sequence[OpenRun], *, options: PredictOptions | None = None
) -> OutOfFold:
    """Combines runs that were trained on parts of a split, to examine its masks.

    Each example is predicted only by the networks that were not trained on it.

    Args:
      runs: The runs. Each example must be absent from the training data of at least
        one of them.
      options: How images are segmented.

    Returns:
      An `OutOfFold`, which predicts each example.

    Raises:
      ValueError: If the runs read different data or have different classes, if a
        network does not return a label map, or if some example was in the training data
        of every run.
    """
    for run in runs:
        unsuited = task_of(run.config) is not SEGMENTATION or run.config.data.mix
        if unsuited or run.spec.multilabel:
            expected = "runs on one dataset of images whose classes exclude each other"
            raise ValueError(invalid("workdir", str(run.workdir), expected))
    data, split = audited_data({run.workdir: run.config for run in runs})
    source = open_source(data, split)
    for run in runs:
        check_classes(source.spec, run.spec)
    seen = [seen_by(run.config) for run in runs]
    return OutOfFold(
        source,
        split=split,
        workdirs=tuple(run.workdir for run in runs),
        segmenters=tuple(run.make_segmenter(options) for run in runs),
        runs=unseen_runs(source, seen, split),
    )
