"""Measures the receptive field of the network during training, and how long it takes.

The caller provides the function that measures. This module decides when to call the
function, writes its results to metrics.jsonl, TensorBoard and PNG files, and compares
its time with the time of the training steps.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from jaxseg.storage import atomic
from jaxseg.training.run.goodput import Clock
from jaxseg.training.run.metric_writer import Record

KIND = "lab"  # of the lines in metrics.jsonl, and the name of the folder of the figures
SECONDS, SHARE = "measuring_seconds", "measuring_share"


@dataclasses.dataclass(frozen=True)
class FieldReading:
    """Contains the results of one measurement of the receptive field of a network.

    Attributes:
      values: The measured numbers by name. None stands for a number that could not be
        computed.
      figures: The content of PNG files by name.
    """

    values: Mapping[str, float | None]
    figures: Mapping[str, bytes]


@dataclasses.dataclass
class FieldWatch:
    """Measures the receptive field of the network every `lab.every` training steps.

    Attributes:
      measure: A function that takes the variables of the network and returns a
        measurement, or None if this process measures nothing.
      every: The number of steps between two measurements; 0 measures nothing.
      folder: The folder of the figures. Each step has its own folder inside.
      record: The object that writes the numbers to metrics.jsonl and TensorBoard, and
        the figures to TensorBoard.
      clock: The object that measures the time of the training steps.
    """

    measure: Callable[[Any], FieldReading] | None
    every: int
    folder: Path
    record: Record
    clock: Clock
    _seconds: float = 0.0  # of all measurements but the first, which compiles
    _compiled: bool = False

    def is_due(self, step: int) -> bool:
        """Returns whether to measure the receptive field after the given training step.

        If metrics.jsonl already contains the measurement of a step, the result is
        False.
        """
        if self.measure is None or self.every < 1 or step % self.every:
            return False
        return not self.record.contains(step, KIND)

    def write(self, step: int, variables: Any) -> Mapping[str, Any]:
        """Measures the receptive field of the network and writes the results.

        The written values also contain the seconds that this measurement took, and the
        total time of the measurements divided by the total time of the training steps
        since the process started. This ratio leaves out the first measurement and the
        first step, which compile their programs.

        Args:
          step: The number of updates that are done.
          variables: The parameters and statistics of the network.

        Returns:
          The written values by name.
        """
        assert self.measure is not None
        start = time.perf_counter()
        found = self.measure(variables)
        for name, picture in found.figures.items():
            path = self.folder / f"{step:08d}" / f"{name}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            atomic.write_bytes(path, picture)
        seconds = time.perf_counter() - start
        values = {**found.values, SECONDS: seconds}
        if self._compiled:
            self._seconds += seconds
            steps = self.clock.spent("training")
            values[SHARE] = self._seconds / steps if steps else None
        self._compiled = True
        self.record.write(step, KIND, values)
        for name, picture in found.figures.items():
            self.record.write_picture(step, f"{KIND}/{name}", picture)
        return values
