"""Starting a run from the weights of another one, for training in stages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxseg.checkpoints.finite import check_finite
from jaxseg.checkpoints.steps import resolve, steps_in
from jaxseg.checkpoints.verification import advising, read_arrays
from jaxseg.runs.directory import CHECKPOINTS, read_config


def started(workdir: Path) -> bool:
    """Whether a run in `workdir` has a checkpoint to go on from."""
    return bool(steps_in(workdir / CHECKPOINTS))


def initialised(state: Any, source: str | Path, *, verify: bool = True) -> Any:
    """A new state with the parameters and statistics of a run's best checkpoint.

    Steps, optimiser and random key stay those of the new run. Where the source keeps
    a moving average of its parameters, that is what is taken.

    Args:
        state: The new state.
        source: The run directory to take from.
        verify: Whether to compare the arrays with the digest stored with them.

    Raises:
        ValueError: naming `source`, when it is no run, of another network, damaged, or
            holds values that are not finite.
    """
    averaged = read_config(source).train.ema is not None
    params = "ema" if averaged else "params"
    wanted = {params: state.params, "batch_stats": state.batch_stats}
    try:
        arrays = _best(Path(source) / CHECKPOINTS, wanted, verify)
    except ValueError as error:
        raise ValueError(f"train.init_from {str(source)!r}: {error}") from error
    return state.replace(
        params=arrays[params],
        batch_stats=arrays["batch_stats"],
        ema=None if state.ema is None else jax.tree.map(np.copy, arrays[params]),
    )


def _best(directory: Path, wanted: dict[str, Any], verify: bool) -> dict[str, Any]:
    if not directory.is_dir():
        raise ValueError(f"{directory} does not exist; nothing was saved there")
    filled = {name: tree for name, tree in wanted.items() if tree}
    with advising("move the damaged folder away to take it"):
        folder = directory.absolute() / str(resolve(directory, "best", verify=verify))
        arrays = read_arrays(folder, filled, verify=verify)
    check_finite(arrays, folder)
    return {name: arrays.get(name, {}) for name in wanted}
