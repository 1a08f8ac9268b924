"""Lists the steps of a checkpoint directory and selects one of them."""

from __future__ import annotations

from pathlib import Path

from jaxseg.checkpoints.step_folders import step_folders, step_number
from jaxseg.checkpoints.verification import metrics_of

METRIC = "mean_iou"  # the metric that ranks evaluated steps


def steps_in(directory: str | Path) -> tuple[int, ...]:
    """Returns the step numbers of all complete checkpoints in ascending order."""
    return tuple(step_folders(directory))


def best_in(directory: str | Path, *, verify: bool = True) -> int | None:
    """Returns the number of the evaluated step with the highest mean IoU.

    If several steps have this mean IoU, the latest one is returned. The result is None
    if no step was evaluated.

    Args:
      directory: The checkpoint directory.
      verify: Whether to compare the scores with the digests stored with them.

    Raises:
      DamagedCheckpoint: If the scores of a step cannot be read or have changed.
    """
    folders = step_folders(directory)
    scores = {k: metrics_of(folder, verify=verify) for k, folder in folders.items()}
    ranked = [(value[METRIC], step) for step, value in scores.items() if value]
    return max(ranked, default=(0.0, None))[1]


def resolve(directory: str | Path, which: str | int, *, verify: bool = True) -> int:
    """Returns the number of the step that "latest", "best" or a number selects.

    "best" is the latest step if the run stopped before its first evaluation.

    Args:
      directory: The checkpoint directory.
      which: "latest", "best" or the number of a step.
      verify: Whether to compare the scores with the digests stored with them.

    Raises:
      DamagedCheckpoint: If the scores of a step cannot be read or have changed.
      ValueError: If there is no such step. The message lists the existing ones.
    """
    steps = steps_in(directory)
    if not steps:
        raise ValueError(
            f"{directory} is invalid: expected a directory with a checkpoint, but it "
            "contains none"
        )
    if which == "latest":
        return steps[-1]
    if which == "best":
        best = best_in(directory, verify=verify)
        return steps[-1] if best is None else best
    if (step := step_number(str(which))) in steps:
        return step
    raise ValueError(
        f"checkpoint={which!r} is invalid: expected a step in {directory}: "
        f"latest, best, {', '.join(map(str, steps))}"
    )
