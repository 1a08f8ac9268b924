"""Comparing a step of a checkpoint directory with the digest stored in it.

A step holds the item `digest` beside `state` and `meta`. Steps that were saved before
there were digests have none, and open unverified.
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
from jaxseg.storage.json_file import parse_json

ITEM = "digest"
META, METRICS = "meta", "metrics"  # items that hold a JSON value
_LIST = "_CHECKPOINT_METADATA"  # the storage library's list of a step's items
_FILES = {ITEM: "metadata", META: "metadata", METRICS: "metrics"}


def of_step(
    state: Any, meta: Mapping[str, Any], metrics: Mapping[str, float] | None
) -> dict[str, Any]:
    """What is stored as the item `digest`; every process must call it.

    Its cost is stated in `jaxseg.checkpoints.digest`.
    """
    return {
        "arrays": digest.of_arrays(state),
        META: digest.of_values(meta),
        METRICS: None if metrics is None else digest.of_values(metrics),
    }


def check(directory: Path, arrays: Any, *, all_of_them: bool = False) -> None:
    """Compares arrays that were read, and the step's records, with the digest.

    Args:
      directory: The folder of the step.
      arrays: The state or parts of it, exactly as stored.
      all_of_them: Whether every stored array must be among them.

    Raises:
      DamagedCheckpoint: When anything differs, naming the first array that does.
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
            why = f"{item!r} is not as it was stored"
    if why:
        raise DamagedCheckpoint(directory, why)


def metrics_of(directory: Path, *, verify: bool = True) -> dict[str, float]:
    """What was measured at a step; empty when it was not evaluated.

    Raises:
      DamagedCheckpoint: When the file cannot be read or, with `verify`, differs from
        the digest.
    """
    values = _record(directory, METRICS)
    if verify and (stored := _stored_digest(directory)) is not None:
        found = None if values is None else digest.of_values(values)
        if found != stored[METRICS]:
            raise DamagedCheckpoint(directory, f"{METRICS!r} is not as it was stored")
    with reading(directory):
        return {name: float(value) for name, value in (values or {}).items()}


def read_arrays(
    directory: Path,
    template: dict[str, Any],
    *,
    partial: bool = False,
    verify: bool = True,
) -> dict[str, Any]:
    """Only the parts of a step's state that `template` names, as NumPy arrays.

    Used where the optimizer's state is not wanted. It does not depend on the devices
    that wrote the step.

    Args:
      directory: The folder of the step.
      template: Trees of shapes by the first part of the name, such as `params`.
      partial: Leave out arrays of those parts that `template` does not name.
      verify: Whether to compare the arrays with the digest stored with them.

    Raises:
      DamagedCheckpoint: When files cannot be read or differ from the digest.
      ValueError: When the step is of another model; it lists what differs.
    """
    arrays = read_parts(directory, template, partial=partial)
    if verify:
        check(directory, arrays)
    return jax.tree.map(
        lambda x, like: x.astype(like.dtype, copy=False), arrays, template
    )


def newest_intact(directory: Path) -> int | None:
    """The newest other step beside a damaged one that reads as it was stored.

    It reads every array of the steps that it looks at.
    """
    others = [p for p in directory.parent.iterdir() if p.name.isdigit()]
    for step in sorted(
        (p for p in others if p != directory), key=_number, reverse=True
    ):
        with contextlib.suppress(DamagedCheckpoint):
            check(step, read_everything(step), all_of_them=True)
            return _number(step)
    return None


@contextlib.contextmanager
def advising(remedy: str) -> Iterator[None]:
    """Says in the error of a damaged step which other step is intact.

    Args:
      remedy: How to take that step, with `{step}` for its number.

    Raises:
      ValueError: The error of the block with the advice.
    """
    try:
        yield
    except DamagedCheckpoint as error:
        step = newest_intact(error.directory)
        if step is None:
            raise ValueError(f"{error}; no other step there is intact") from error
        advice = remedy.format(step=step)
        raise ValueError(f"{error}; step {step} is intact; {advice}") from error


def _stored_digest(directory: Path) -> dict[str, Any] | None:
    """The stored digest; None for a step that was saved without one."""
    path = directory / ITEM / _FILES[ITEM]
    with reading(directory):
        if path.is_file():
            found = parse_json(path.read_text(encoding="utf-8"))
            if not _has_the_form(found):
                raise ValueError("its digest is of an unknown form")
            return found
        items = directory / _LIST
        if items.is_file() and f'"{ITEM}"' in items.read_text(encoding="utf-8"):
            raise ValueError("its digest is missing")
    return None


def _has_the_form(found: Any) -> bool:
    known = isinstance(found, dict) and found.keys() == {"arrays", META, METRICS}
    return known and isinstance(found["arrays"], dict)


def _record(directory: Path, item: str) -> Any:
    """The JSON value of an item, None when the step has no such item."""
    path = directory / item / _FILES[item]
    with reading(directory):
        if not path.is_file():
            return None
        return parse_json(path.read_text(encoding="utf-8"))


def _number(path: Path) -> int:
    return int(path.name)
