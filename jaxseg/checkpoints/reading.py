"""Reads one step of a checkpoint directory and detects damaged files."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp

from jaxseg.checkpoints.compatibility import Shapes, difference, leaves

STATE = "state"  # the arrays in the folder of a step


class DamagedCheckpoint(ValueError):
    """Is raised if files of a checkpoint are truncated, missing or changed."""

    def __init__(self, directory: Path, why: str) -> None:
        super().__init__(f"the checkpoint {directory} is damaged ({why})")
        self.directory = directory


def stored_leaves(directory: Path) -> Shapes:
    """Returns a dictionary from the path of each array in a step's folder to its shape.

    Raises:
      DamagedCheckpoint: If the list of arrays cannot be read.
    """
    stored = leaves(_stored_tree(directory))
    if not stored:
        raise DamagedCheckpoint(
            directory, "the checkpoint's list of arrays is missing or truncated"
        )
    return stored


def check_fit(directory: Path, stored: Shapes, template: Any) -> None:
    """Raises ValueError unless the arrays of a checkpoint fit a model.

    They fit if their names and shapes are equal.

    Args:
      directory: The folder of the checkpoint, for the message.
      stored: A dictionary from the path of each stored array to its shape.
      template: A tree of the shapes that the model needs.
    """
    text = difference(stored, leaves(template))
    if text:
        raise ValueError(
            f"checkpoint={directory} is invalid: expected the arrays of this model. "
            f"Differences: {text}"
        )


def read_parts(
    directory: Path, template: dict[str, Any], *, partial: bool = False
) -> dict[str, Any]:
    """Reads selected entries of a stored training state, such as the parameters.

    Args:
      directory: The folder of the step.
      template: A tree of shapes for each entry of the state to read, such as `params`.
      partial: Whether to skip stored arrays of these entries that `template` does not
        contain.

    Returns:
      A dictionary from the name of each entry, such as "params", to its tree of NumPy
      arrays.

    Raises:
      DamagedCheckpoint: If files cannot be read.
      ValueError: If the names or shapes of the stored arrays differ from `template`.
    """
    stored = stored_leaves(directory)
    parts = {k: shape for k, shape in stored.items() if k.split("/")[0] in template}
    if partial:
        parts = {k: shape for k, shape in parts.items() if k in leaves(template)}
    check_fit(directory, parts, template)
    return _read(directory, template, item=template, partial_restore=True)


def read_everything(directory: Path) -> Any:
    """Reads the whole training state that a step's checkpoint contains.

    Args:
      directory: The folder of the step.

    Returns:
      A tree of NumPy arrays, which is nested as the stored state is.

    Raises:
      DamagedCheckpoint: If files cannot be read.
    """
    return _read(directory, _stored_tree(directory))


def _stored_tree(directory: Path) -> Any:
    """Returns the names and shapes of the arrays of a step.

    A `Checkpointer` would warn that the folder contains no list of items, which only
    the folder of the whole step has. The handler of the arrays reads no such list.
    """
    handler = ocp.PyTreeCheckpointHandler()
    with reading(directory), contextlib.closing(handler):
        metadata = handler.metadata(directory / STATE)
    return getattr(metadata, "tree", metadata)


def _read(directory: Path, template: Any, **options: Any) -> Any:
    as_numpy = jax.tree.map(
        lambda _: ocp.RestoreArgs(restore_type=np.ndarray), template
    )
    arguments = ocp.args.PyTreeRestore(restore_args=as_numpy, **options)
    with (
        reading(directory),
        ocp.Checkpointer(ocp.PyTreeCheckpointHandler()) as reader,
    ):
        return reader.restore(directory / STATE, args=arguments)


@contextlib.contextmanager
def reading(directory: Path) -> Iterator[None]:
    """Returns a context manager that turns errors in its body into DamagedCheckpoint.

    Args:
      directory: The folder of the step that is read.
    """
    try:
        yield
    except Exception as error:
        raise DamagedCheckpoint(directory, reason(error)) from error


def reason(error: BaseException) -> str:
    """Returns one line of text that states the original cause of an error.

    The line has the type and the first line of the message of an exception. If the
    error has a chain of causes (`raise ... from ...`), this is the exception that was
    raised first.
    """
    while error.__cause__ is not None:
        error = error.__cause__
    return f"{type(error).__name__}: {error}".splitlines()[0]
