"""Writes the metrics of a run to metrics.jsonl and to event files of TensorBoard.

metrics.jsonl contains one JSON object per line. Each line is flushed at once, so that a
killed run loses nothing. When a run resumes from a step, the lines of later steps are
removed. The file is then equal to that of a run that never stopped.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jaxseg.storage.json_file import plain
from jaxseg.training.run.event_writer import EventWriter
from jaxseg.training.run.loggers import Logger
from jaxseg.training.run.metric_reader import METRICS, cut_after


class Record:
    """Writes the metrics of a run to files. Only the first process writes.

    Args:
      workdir: The run directory.
      resume_step: The step from which the run resumes.
      active: Whether this process writes.
      loggers: The services that also receive the metrics, see
        `jaxseg.training.run.loggers`. They are closed at the end.
    """

    def __init__(
        self,
        workdir: str | Path,
        *,
        resume_step: int = 0,
        active: bool = True,
        loggers: Sequence[Logger] = (),
    ) -> None:
        self._loggers = tuple(loggers)
        self._file = None
        self._events = None
        self._kept: set[tuple[int, str]] = set()
        if not active:
            return
        directory = Path(workdir)
        directory.mkdir(parents=True, exist_ok=True)
        kept = cut_after(directory / METRICS, resume_step)
        self._kept = {(row["step"], row["kind"]) for row in kept}
        self._file = (directory / METRICS).open("a", encoding="utf-8")
        self._events = EventWriter(directory, purge_step=resume_step + 1)

    def __enter__(self) -> Record:
        return self

    def __exit__(self, kind: type | None, *_: object) -> None:
        self.close()
        for logger in self._loggers:
            logger.close(failed=kind is not None)

    def write(self, step: int, kind: str, values: Mapping[str, Any]) -> None:
        """Writes values of a step to metrics.jsonl and to TensorBoard's events.

        Args:
          step: The number of the training step.
          kind: The kind of the metrics: "train", "eval", "lab" (the receptive field) or
            "hosts" (the times of the hosts).
          values: The values by name. TensorBoard gets only the numbers.
        """
        if self._file is None or self._events is None:
            return
        line = {"step": step, "kind": kind} | {k: plain(v) for k, v in values.items()}
        self._file.write(json.dumps(line, allow_nan=False) + "\n")
        self._file.flush()
        numbers = {
            f"{kind}/{name}": value
            for name, value in line.items()
            if name != "step" and isinstance(value, int | float)
        }
        for name, value in numbers.items():
            self._events.add_scalar(name, value, step)
        for logger in self._loggers:
            logger.log(step, numbers)

    def write_picture(self, step: int, tag: str, png: bytes) -> None:
        """Writes a picture of a step to TensorBoard's events.

        Args:
          step: The number of the training step.
          tag: The name of the picture, such as "lab/effective_field".
          png: The content of a PNG file.
        """
        if self._events is not None:
            self._events.add_image(tag, png, step)

    def contains(self, step: int, kind: str) -> bool:
        """Returns whether metrics.jsonl had values of a step when the run resumed.

        Args:
          step: The number of the training step.
          kind: The kind of the metrics: "train", "eval", "lab" (the receptive field) or
            "hosts" (the times of the hosts).
        """
        return (step, kind) in self._kept

    def restore(self, step: int, kind: str, values: Mapping[str, Any]) -> None:
        """Writes the values of a step, unless metrics.jsonl already has their line.

        The line can be missing after a crash or because of a damaged disk.
        """
        if not self.contains(step, kind):
            self.write(step, kind, values)

    def close(self) -> None:
        """Flushes and closes metrics.jsonl and the event file of TensorBoard."""
        if self._file is not None and self._events is not None:
            self._file.close()
            self._events.close()
