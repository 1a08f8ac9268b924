"""Reads metrics.jsonl, even if a crash or a damaged disk has corrupted lines.

A valid line contains one JSON object with an integer `step` and a string `kind`. All
other lines are skipped, with a warning that names the file and the lines.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

from jaxseg.storage import atomic
from jaxseg.text import counted

logger = logging.getLogger(__name__)
METRICS = "metrics.jsonl"


def read_metrics(workdir: str | Path, kind: str | None = None) -> list[dict[str, Any]]:
    """Reads the metrics that a run has logged to metrics.jsonl.

    Args:
      workdir: The run directory.
      kind: "train" for the training metrics, "eval" for the scores of evaluations,
        "lab" for measurements of the receptive field, "hosts" for the times of the
        hosts in a run of several processes, or None for all.

    Returns:
      The JSON objects, one for each line, in the order in which they were written.

    Raises:
      OSError: If there is no metrics.jsonl.
    """
    records = _records(Path(workdir) / METRICS)
    return [row for _, row in records if kind in (None, row["kind"])]


def read_objects(path: Path) -> list[dict[str, Any]]:
    """Returns the JSON objects in a file with one object per line.

    Lines that a crash or a damaged disk has corrupted are left out.
    """
    rows = map(_object, path.read_bytes().split(b"\n"))
    return [row for row in rows if row is not None]


def cut_after(path: Path, step: int) -> list[dict[str, Any]]:
    """Removes the lines of later steps from a metrics.jsonl, before a run resumes.

    Lines that are not valid are removed, too.

    Args:
      path: A metrics.jsonl, which may be missing.
      step: The step from which the run resumes. Lines of this step are kept.

    Returns:
      The JSON objects of the lines that are kept.
    """
    if not path.exists():
        return []
    kept = [(line, row) for line, row in _records(path) if row["step"] <= step]
    content = b"".join(line + b"\n" for line, _ in kept)
    if content != path.read_bytes():
        atomic.write_bytes(path, content)
    return [row for _, row in kept]


def _records(path: Path) -> list[tuple[bytes, dict[str, Any]]]:
    """Returns each record with its line, and logs the numbers of the other lines."""
    lines = path.read_bytes().split(b"\n")
    if not lines[-1]:  # The last line is complete.
        lines.pop()
    parsed = [(line, _parsed(line)) for line in lines]
    odd = [str(i) for i, (_, row) in enumerate(parsed, start=1) if row is None]
    if odd:
        shown = ", ".join(odd[:10]) + (", ..." if len(odd) > 10 else "")
        logger.warning(
            "%s: %s of %d cannot be read as a record (a JSON object with kind and "
            "step) and will be ignored (line %s)",
            *(path, counted(len(odd), "line"), len(lines), shown),
        )
    return [(line, row) for line, row in parsed if row is not None]


def _parsed(line: bytes) -> dict[str, Any] | None:
    """Returns the record in a line, or None for anything else."""
    row = _object(line)
    if row is None or not isinstance(row.get("kind"), str):
        return None
    return row if type(row.get("step")) is int else None


def _object(line: bytes) -> dict[str, Any] | None:
    """Returns the JSON object in a line, or None for anything else."""
    try:
        row = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) else None
