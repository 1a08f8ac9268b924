"""Reading one step of a checkpoint directory, with errors in words."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp

from jaxseg.checkpoints.compatibility import Shapes, difference, leaves


def stored_leaves(directory: Path) -> Shapes:
    """Path -> shape of every array stored in one step's directory.

    Raises: ValueError when the list of arrays cannot be read.
    """
    with reading(directory), ocp.StandardCheckpointer() as reader:
        metadata = reader.metadata(directory / "state")
    stored = leaves(getattr(metadata, "item_metadata", metadata))
    if not stored:
        raise ValueError(_damaged(directory, "its list of arrays is missing or cut"))
    return stored


def check_fit(directory: Path, stored: Shapes, template: Any) -> None:
    """Raises ValueError unless the stored arrays are those of the template."""
    text = difference(stored, leaves(template))
    if text:
        raise ValueError(f"the checkpoint {directory} is of another model: {text}")


def read_arrays(directory: Path, template: dict[str, Any]) -> dict[str, Any]:
    """Only the parts of a step's state that `template` names, as numpy arrays.

    Used where the optimiser's state is not wanted; independent of the devices that
    wrote it. Raises as `Checkpoints.restore`.
    """
    stored = stored_leaves(directory)
    parts = {k: shape for k, shape in stored.items() if k.split("/")[0] in template}
    check_fit(directory, parts, template)
    restore_args = jax.tree.map(
        lambda leaf: ocp.RestoreArgs(restore_type=np.ndarray, dtype=leaf.dtype),
        template,
    )
    arguments = ocp.args.PyTreeRestore(
        item=template, restore_args=restore_args, partial_restore=True
    )
    with (
        reading(directory),
        ocp.Checkpointer(ocp.PyTreeCheckpointHandler()) as reader,
    ):
        return reader.restore(directory / "state", args=arguments)


@contextlib.contextmanager
def reading(directory: Path) -> Iterator[None]:
    """Turns whatever reading raises into one ValueError that names the directory."""
    try:
        yield
    except Exception as error:
        raise ValueError(_damaged(directory, reason(error))) from error


def reason(error: BaseException) -> str:
    """The first line of the innermost message: what the operating system said."""
    while error.__cause__ is not None:
        error = error.__cause__
    return f"{type(error).__name__}: {error}".splitlines()[0]


def _damaged(directory: Path, why: str) -> str:
    return (
        f"the checkpoint {directory} is damaged ({why}); without that folder a run "
        "goes on from the checkpoint before it"
    )
