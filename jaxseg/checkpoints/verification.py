"""Compares a step of a checkpoint directory with the digest stored in the step.

The folder of a step contains `state` (the arrays of the training state), `meta` (JSON
data about the step), `metrics` (the scores, if the step was evaluated) and `digest`
(the digests of the other three). Steps that were saved before jaxseg computed digests
have no `digest` and are not verified.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jax

from jaxseg.checkpoints import digest
from jaxseg.checkpoints.reading import (
    DamagedCheckpoint,
    read_everything,
    read_parts,
    reading,
)
from jaxseg.checkpoints.step_folders import step_folders
from jaxseg.storage.json_file import parse_json

ITEM = "digest"
META, METRICS = "meta", "metrics"  # items that contain a JSON value
NONE_INTACT = (
    "no other step is intact. Restore its files from a copy, or train again in another "
    "run directory."
)
_LIST = "_CHECKPOINT_METADATA"  # Orbax lists the items of a step in this file.
_FILES = {ITEM: "metadata", META: "metadata", METRICS: "metrics"}


def of_step(
    state: Any, meta: Mapping[str, Any], metrics: Mapping[str, float] | None
) -> dict[str, Any]:
    """Computes the digests that are saved with the checkpoint of a step.

    All processes must call the function. The docstring of `jaxseg.checkpoints.digest`
    says how long it takes.

    Returns:
      A dictionary with three entries. "arrays" contains the digest of each array of
      `state`, "meta" is the digest of `meta`, and "metrics" is the digest of `metrics`,
      or None if there are no metrics.
    """
    return {
        "arrays": digest.of_arrays(state),
        META: digest.of_values(meta),
        METRICS: None if metrics is None else digest.of_values(metrics),
    }


def check(directory: Path, arrays: Any, *, all_of_them: bool = False) -> None:
    """Compares arrays and the metadata of a step with the digest stored in the step.

    Args:
      directory: The folder of the step.
      arrays: A tree of arrays that were read from the step: the training state, or
        parts of it.
      all_of_them: Whether `arrays` must contain every stored array.

    Raises:
      DamagedCheckpoint: If anything differs. The message names the first difference.
    """
    stored = _stored_digest(directory)
    if stored is None:
        return
    found = digest.of_arrays(arrays)
    why = digest.difference(stored["arrays"], found)
    if all_of_them and not why and (lost := sorted(stored["arrays"].keys() - found)):
        why = f"{lost[0]} is missing"
    for item in () if why else (META, METRICS):
        record = _record(directory, item)
        if stored[item] != (None if record is None else digest.of_values(record)):
            why = f"{item!r} differs from its digest"
    if why:
        raise DamagedCheckpoint(directory, why)


def metrics_of(directory: Path, *, verify: bool = True) -> dict[str, float]:
    """Returns the evaluation metrics stored with a step, or {} if it was not evaluated.

    Args:
      directory: The folder of the step.
      verify: Whether to compare the metrics with the digest stored with them.

    Returns:
      A dictionary from the name of each metric, such as "mean_iou", to its value.

    Raises:
      DamagedCheckpoint: If the file of the metrics cannot be read or differs from the
        digest.
    """
    values = _record(directory, METRICS)
    if verify and (stored := _stored_digest(directory)) is not None:
        found = None if values is None else digest.of_values(values)
        if found != stored[METRICS]:
            raise DamagedCheckpoint(directory, f"{METRICS!r} differs from its digest")
    with reading(directory):
        return {name: float(value) for name, value in (values or {}).items()}


def read_arrays(
    directory: Path,
    template: dict[str, Any],
    *,
    partial: bool = False,
    verify: bool = True,
) -> dict[str, Any]:
    """Reads selected entries of a stored training state, and verifies them.

    Use it to read the parameters without the optimizer state. The result does not
    depend on the devices that wrote the step.

    Args:
      directory: The folder of the step.
      template: A tree of shapes for each entry of the state to read, such as `params`.
      partial: Whether to skip stored arrays of these entries that `template` does not
        contain.
      verify: Whether to compare the arrays with the digest stored with them.

    Returns:
      A dictionary from the name of each entry, such as "params", to its tree of NumPy
      arrays, which have the types in `template`.

    Raises:
      DamagedCheckpoint: If files cannot be read or differ from the digest.
      ValueError: If the step belongs to another model. The message lists the
        differences.
    """
    arrays = read_parts(directory, template, partial=partial)
    if verify:
        check(directory, arrays)
    return jax.tree.map(
        lambda x, like: x.astype(like.dtype, copy=False), arrays, template
    )


def newest_intact(directory: Path) -> int | None:
    """Returns the number of the newest intact step of a run, or None if there is none.

    The function verifies the steps from the newest to the oldest until one is intact.
    It reads all arrays of each step that it verifies.

    Args:
      directory: The folder of a step of the run that is known to be damaged. This step
        is skipped; all others of the run are considered.
    """
    folders = step_folders(directory.parent)
    for step, folder in reversed(folders.items()):
        if folder == directory:
            continue
        with contextlib.suppress(DamagedCheckpoint):
            check(folder, read_everything(folder), all_of_them=True)
            return step
    return None


@contextlib.contextmanager
def advising(remedy: str) -> Iterator[None]:
    """Returns a context manager that adds a remedy to errors about damaged checkpoints.

    Args:
      remedy: The instruction for using the newest intact step, such as "pass
        --checkpoint {step} to use it". `{step}` is replaced by the number of that step.

    Raises:
      ValueError: If the block raises DamagedCheckpoint. The message adds the number of
        the newest intact step and the remedy.
    """
    try:
        yield
    except DamagedCheckpoint as error:
        step = newest_intact(error.directory)
        if step is None:
            raise ValueError(f"{error}; {NONE_INTACT}") from error
        advice = remedy.format(step=step)
        raise ValueError(f"{error}; step {step} is intact; {advice}") from error


def _stored_digest(directory: Path) -> dict[str, Any] | None:
    """Returns the stored digest, or None if the step was saved without one."""
    path = directory / ITEM / _FILES[ITEM]
    with reading(directory):
        if path.is_file():
            found = parse_json(path.read_text(encoding="utf-8"))
            if not _has_the_form(found):
                raise ValueError(
                    "the digest of the step has an unknown format: expected a "
                    "JSON object with a digest of each array"
                )
            return found
        items = directory / _LIST
        if items.is_file() and f'"{ITEM}"' in items.read_text(encoding="utf-8"):
            raise ValueError("the digest of the step is missing")
    return None


def _has_the_form(found: Any) -> bool:
    known = isinstance(found, dict) and found.keys() == {"arrays", META, METRICS}
    return known and isinstance(found["arrays"], dict)


def _record(directory: Path, item: str) -> Any:
    """Returns the JSON value of an item, or None if the step lacks the item."""
    path = directory / item / _FILES[item]
    with reading(directory):
        if not path.is_file():
            return None
        return parse_json(path.read_text(encoding="utf-8"))
