"""Defines the options of `jaxseg eval` that measure calibration."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxseg.cli.unused import refuse_unused
from jaxseg.cli.verbosity import note
from jaxseg.data import DatasetSpec
from jaxseg.metrics import to_json
from jaxseg.metrics.calibration import (
    Calibration,
    CalibrationCounts,
    calibration,
    total,
)
from jaxseg.runs.rules import check_bounds, optional, text, whole
from jaxseg.storage import atomic
from jaxseg.storage.places import check_file
from jaxseg.tasks.calibration import CalibrationMeter, score_lines
from jaxseg.text import as_message
from jaxseg.viz import charts

BOUNDS = {
    "calibration_bins": whole(2, 1_000),
    "calibration_diagram": optional(text()),
}


@dataclasses.dataclass(frozen=True)
class CalibrationOptions:
    """Sets whether and how the calibration of probabilities is measured."""

    calibration: bool = False
    """Print how well probabilities agree with observed frequencies, and draw the
    reliability diagram."""
    calibration_bins: int = 15
    """Number of intervals into which confidences from 0 to 1 are divided."""
    calibration_diagram: str | None = None
    """PNG file of the reliability diagram. The default is reliability.png in the run
    directory."""

    def check(self) -> None:
        """Raises ValueError if an option is invalid, or has no effect."""
        check_bounds(self, BOUNDS)
        if not self.calibration:
            refuse_unused(self, needs="--calibration")
        if self.calibration_diagram is not None:
            check_file("calibration_diagram", self.calibration_diagram)

    def meters(self) -> tuple[CalibrationMeter, ...]:
        """Returns a tuple with the `CalibrationMeter` that counts correct predictions.

        It counts them in each image for each interval of confidence. The tuple is empty
        if `--calibration` was not given.
        """
        return (CalibrationMeter(self.calibration_bins),) if self.calibration else ()

    def report(
        self, workdir: str, images: Sequence[CalibrationCounts], spec: DatasetSpec
    ) -> dict[str, Any]:
        """Prints the calibration scores and writes the reliability diagram.

        Args:
          workdir: The run directory.
          images: For each image, the numbers of all and of correct predictions in
            each interval of confidence.
          spec: The specification of the dataset, whose name the diagram shows.

        Returns:
          {"calibration": the scores}, to be added to the JSON file of the evaluation.
        """
        found = calibration(total(images))
        print(as_message(f"\ncalibration\n{score_lines(found)}"))
        path = Path(self.calibration_diagram or Path(workdir) / "reliability.png")
        atomic.write_bytes(path, charts.png(charts.Reliability(found.bins, spec.name)))
        note(f"reliability diagram: {path}")
        return {"calibration": calibration_json(found)}


def calibration_json(found: Calibration) -> dict[str, Any]:
    """Converts calibration scores to a dictionary that can be stored as JSON.

    The keys are the names of the fields of `Calibration`, such as "expected_error".

    Args:
      found: The scores.
    """
    values = to_json(dataclasses.asdict(found))
    bins = np.asarray(found.bins)
    names = ("predictions", "accuracy", "confidence")
    return values | {"bins": to_json(dict(zip(names, bins.T, strict=True)))}


DEFAULT = CalibrationOptions()
