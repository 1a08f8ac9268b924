"""The record of a run: metrics.jsonl, TensorBoard events, config.json, dataset.json.

metrics.jsonl has one JSON object per line, written and flushed at once, so that a
killed run loses nothing. Lines after the step that a run resumes from are cut off:
the file reads as if the run had never stopped.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tensorboardX import SummaryWriter

from jaxseg.storage import atomic
from jaxseg.storage.json_file import plain

METRICS = "metrics.jsonl"


class Record:
    """Writes scalars of one run; silent on processes other than the first."""

    def __init__(
        self, workdir: str | Path, *, resume_step: int = 0, active: bool = True
    ) -> None:
        self._file = None
        self._events = None
        if not active:
            return
        directory = Path(workdir)
        directory.mkdir(parents=True, exist_ok=True)
        cut_after(directory / METRICS, resume_step)
        self._file = (directory / METRICS).open("a", encoding="utf-8")
        self._events = SummaryWriter(
            str(directory), purge_step=resume_step + 1, flush_secs=10
        )

    def __enter__(self) -> Record:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def write(self, step: int, kind: str, values: Mapping[str, Any]) -> None:
        """One line `{"step": ..., "kind": "train" | "eval", ...}` and its scalars."""
        if self._file is None:
            return
        line = {"step": step, "kind": kind} | {k: plain(v) for k, v in values.items()}
        self._file.write(json.dumps(line, allow_nan=False) + "\n")
        self._file.flush()
        for name, value in line.items():
            if name != "step" and isinstance(value, int | float):
                self._events.add_scalar(f"{kind}/{name}", value, step)

    def close(self) -> None:
        """Flushes and closes both files."""
        if self._file is not None:
            self._file.close()
            self._events.close()


def cut_after(path: Path, step: int) -> None:
    """Drops the lines of later steps, and a last line that was cut by a crash."""
    if not path.exists():
        return
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = "".join(line for line in lines if _is_until(line, step))
    if kept != "".join(lines):
        atomic.write_text(path, kept)


def _is_until(line: str, step: int) -> bool:
    try:
        return line.endswith("\n") and json.loads(line)["step"] <= step
    except (ValueError, KeyError, TypeError):
        return False


def read_metrics(workdir: str | Path, kind: str | None = None) -> list[dict[str, Any]]:
    """All lines of a run's metrics.jsonl, or those of one kind."""
    lines = (Path(workdir) / METRICS).read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    return [row for row in rows if kind in (None, row["kind"])]
