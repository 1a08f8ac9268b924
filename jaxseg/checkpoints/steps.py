"""Which steps a checkpoint directory holds, and which of them is meant."""

from __future__ import annotations

from pathlib import Path

from jaxseg.checkpoints.verification import metrics_of

METRIC = "mean_iou"  # ranks the steps that were evaluated


def steps_in(directory: str | Path) -> tuple[int, ...]:
    """Steps with a complete checkpoint, ascending; none for a missing directory."""
    folder = Path(directory)
    if not folder.is_dir():
        return ()
    return tuple(sorted(int(p.name) for p in folder.iterdir() if p.name.isdigit()))


def best_in(directory: str | Path, *, verify: bool = True) -> int | None:
    """The evaluated step with the highest mean IoU, the later one of equals.

    Args:
      directory: The checkpoint directory.
      verify: Whether to compare the scores with the digests stored with them.

    Raises:
      DamagedCheckpoint: When the score of a step cannot be read or is changed.
    """
    folders = {step: Path(directory) / str(step) for step in steps_in(directory)}
    scores = {k: metrics_of(folder, verify=verify) for k, folder in folders.items()}
    ranked = [(value[METRIC], step) for step, value in scores.items() if value]
    return max(ranked, default=(0.0, None))[1]


def resolve(directory: str | Path, which: str | int, *, verify: bool = True) -> int:
    """`"latest"`, `"best"` or a step number, as a step that exists.

    `"best"` is the latest step of a run that stopped before its first evaluation.

    Raises:
      DamagedCheckpoint: See `best_in`.
      ValueError: When there is no such step; it lists those that there are.
    """
    steps = steps_in(directory)
    if not steps:
        raise ValueError(f"{directory} holds no checkpoint")
    if which == "latest":
        return steps[-1]
    if which == "best":
        best = best_in(directory, verify=verify)
        return steps[-1] if best is None else best
    if str(which).isdigit() and int(which) in steps:
        return int(which)
    raise ValueError(
        f"checkpoint {which!r} is not in {directory}; allowed: latest, best, "
        + ", ".join(map(str, steps))
    )
