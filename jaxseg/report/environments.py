"""Prepares the table of the software versions and hardware of each training run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jaxseg.report.formats import ABSENT
from jaxseg.report.record import RunRecord


def environment_values(records: Sequence[RunRecord]) -> dict[str, Any]:
    """Returns the table of the versions and the devices with which runs were trained.

    A run that was resumed in another environment has several columns.

    Args:
      records: The runs.

    Returns:
      A dictionary of values for the page's template: the names of the columns
      ("environment_names"), the rows ("environments"), and a sentence for each run
      whose environment is unknown ("environment_notes").
    """
    columns = [
        (record.name if len(records) > 1 else "training", entry)
        for record in records
        for entry in record.environments
    ]
    names = dict.fromkeys(key for _, entry in columns for key in entry)
    notes = [
        f"{record.name} was trained before jaxseg recorded its environment, so that "
        "the versions and the hardware of the training are unknown."
        for record in records
        if not record.environments
    ]
    rows = [(name, [_text(entry.get(name)) for _, entry in columns]) for name in names]
    return {
        "environment_names": [name for name, _ in columns],
        "environments": rows,
        "environment_notes": notes,
    }


def _text(value: Any) -> str:
    return ABSENT if value is None else str(value)
