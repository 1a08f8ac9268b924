"""Finds the state and the metadata with which a training loop begins."""

from __future__ import annotations

from typing import Any

from jaxseg.checkpoints.manager import Checkpoints
from jaxseg.config import TrainConfig

NEW_RUN = {
    "step": 0,
    "next_index": 0,  # the position in the data
    "evaluated": True,  # whether the evaluation of this step is done
    "scores": {},  # the scores of the last evaluation
    "window": {},  # metrics that are not yet in a log line
}


def resume(
    checkpoints: Checkpoints, state: Any, config: TrainConfig
) -> tuple[Any, dict[str, Any]]:
    """Returns the training state and the metadata with which the training loop begins.

    They come from the latest checkpoint. If there is none, the result is `state` with
    the metadata of a new run. The metadata are a dictionary with the number of steps
    done ("step"), the position in the data ("next_index") and the last scores.

    Raises:
      ValueError: If the step of the latest checkpoint is greater than `train.steps`,
        or if the run was started with another batch size.
    """
    step = checkpoints.latest()
    if step is None:
        return state, NEW_RUN
    if step > config.steps:
        raise ValueError(
            f"train.steps={config.steps} is invalid: expected at least {step}, the "
            f"step that {checkpoints.directory} has reached."
        )
    step, state, meta = checkpoints.restore_newest(state)
    if meta["next_index"] != step * config.batch_size:
        raise ValueError(
            f"train.batch_size={config.batch_size} is invalid: expected the batch size "
            f"with which the run in {checkpoints.directory} was started. It has read "
            f"{meta['next_index']} images in {step} steps."
        )
    return state, meta
