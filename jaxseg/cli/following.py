"""Evaluates each new checkpoint of a run that another job trains."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from jaxseg.checkpoints.reading import DamagedCheckpoint
from jaxseg.checkpoints.steps import steps_in
from jaxseg.cli.verbosity import note
from jaxseg.runs.directory import CHECKPOINTS
from jaxseg.storage.json_file import append_line
from jaxseg.text import as_message
from jaxseg.training.run.metric_reader import read_objects

FOLLOWED = "followed.jsonl"
PAUSE = 5.0  # seconds between two looks at the checkpoints


def follow(
    workdir: str | Path,
    evaluate: Callable[[int], Mapping[str, Any]],
    *,
    steps: int,
    patience: float,
    output: str | Path | None = None,
    pause: float = PAUSE,
) -> list[int]:
    """Evaluates the checkpoints of a run until the run has ended.

    Only the newest checkpoint is evaluated each time, so that a slow evaluation skips
    checkpoints and does not fall behind. The scores of each evaluated checkpoint are
    appended to a file as one JSON object per line. Steps that this file already
    contains are not evaluated again.

    Args:
      workdir: The run directory.
      evaluate: A function that evaluates the checkpoint of a step. It takes the number
        of the step, and returns the JSON object to append, a mapping with "step".
      steps: The last step of the run.
      patience: The seconds without a new checkpoint after which the run counts as
        ended.
      output: The file of the scores; followed.jsonl in the run directory by default.
      pause: The seconds after which the function looks again for new checkpoints.

    Returns:
      A list of the steps that this call has evaluated.
    """
    path = Path(workdir) / FOLLOWED if output is None else Path(output)
    rows = read_objects(path) if path.exists() else []
    done = {row["step"] for row in rows if isinstance(row.get("step"), int)}
    evaluated: list[int] = []
    seen = time.monotonic()
    while True:
        step = max(steps_in(Path(workdir) / CHECKPOINTS), default=0)
        if step and step not in done:
            done.add(step)
            try:
                append_line(path, dict(evaluate(step)))
            except (DamagedCheckpoint, OSError) as error:
                if step in steps_in(Path(workdir) / CHECKPOINTS):
                    raise
                message = f"the run has deleted the checkpoint of step {step}: {error}"
                note(as_message(f"jaxseg: {message}"), file=sys.stderr)
            else:
                evaluated.append(step)
            seen = time.monotonic()
        elif step >= steps or time.monotonic() - seen > patience:
            note(as_message(f"scores of {len(done)} checkpoints: {path}"))
            return evaluated
        else:
            time.sleep(pause)
