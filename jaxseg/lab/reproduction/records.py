"""Reads the scores of a reproduction from the lines of a results.jsonl."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jaxseg.lab.reproduction.tables import PublishedTable
from jaxseg.storage.json_file import parse_json


def read_records(path: Path, table: PublishedTable) -> list[dict[str, Any]]:
    """Reads the lines of a results.jsonl that belong to a table.

    Args:
      path: The file. Its lines name the paper and the table.
      table: The table.

    Raises:
      ValueError: If the file is missing, contains something else, or has no line of the
        table.
    """
    if not path.is_file():
        raise ValueError(
            f"records={str(path)!r} is invalid: expected an existing results.jsonl. "
            "Run the command without --show first, or choose another file."
        )
    known = {row.name for row in table.rows}
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            row = parse_json(line)
            ours = (row["paper"], row["table"]) == (table.paper, table.name)
            if ours and row["name"] in known:
                found.append({**row, "seed": int(row["seed"])})
                float(row["mean_iou"])
        except (json.JSONDecodeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"{path}:{number} is invalid: expected a JSON object with paper, "
                "table, name, seed and mean_iou. Choose a file that `jaxseg "
                "reproduce` has written."
            ) from error
    if not found:
        raise ValueError(
            f"records={str(path)!r} is invalid: expected lines of {table.paper} "
            f"{table.name}. Run the command without --show first, or choose another "
            "file."
        )
    return found


def scores_of(records: list[dict[str, Any]]) -> dict[str, dict[int, float]]:
    """Returns the mean IoU of each row and seed, as nested dictionaries."""
    found: dict[str, dict[int, float]] = {}
    for row in records:
        found.setdefault(row["name"], {})[row["seed"]] = float(row["mean_iou"])
    return found
