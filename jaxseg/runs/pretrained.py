"""Starting a run from the weights of another one, for training in stages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxseg.checkpoints.manager import Checkpoints
from jaxseg.checkpoints.reading import read_arrays
from jaxseg.runs.directory import CHECKPOINTS, read_config


def started(workdir: Path) -> bool:
    """Whether a run in `workdir` has a checkpoint to go on from."""
    folder = workdir / CHECKPOINTS
    return folder.is_dir() and any(path.name.isdigit() for path in folder.iterdir())


def initialised(state: Any, source: str | Path) -> Any:
    """A new state with the parameters and statistics of a run's best checkpoint.

    Steps, optimiser and random key stay those of the new run. Where the source keeps
    a moving average of its parameters, that is what is taken.

    Raises:
        ValueError: naming `source`, when it is no run or of another network.
    """
    averaged = read_config(source).train.ema is not None
    params = "ema" if averaged else "params"
    wanted = {params: state.params, "batch_stats": state.batch_stats}
    try:
        arrays = _best(Path(source) / CHECKPOINTS, wanted)
    except ValueError as error:
        raise ValueError(f"train.init_from {str(source)!r}: {error}") from error
    return state.replace(
        params=arrays[params],
        batch_stats=arrays["batch_stats"],
        ema=None if state.ema is None else jax.tree.map(np.copy, arrays[params]),
    )


def _best(directory: Path, wanted: dict[str, Any]) -> dict[str, Any]:
    if not directory.is_dir():
        raise ValueError(f"{directory} does not exist; nothing was saved there")
    with Checkpoints(directory) as checkpoints:
        step = checkpoints.resolve("best")
    filled = {name: tree for name, tree in wanted.items() if tree}
    arrays = read_arrays(directory.absolute() / str(step), filled)
    return {name: arrays.get(name, {}) for name in wanted}
