"""Compares a ranking with the list of the masks that corrupt.py has corrupted.

    python experiments/audit/score.py data_audit/audit.json CORRUPTED/corrupted.json

Prints one JSON object: the precision among as many masks as were corrupted (5 %), the
same for the soft minimum of cleanlab, and the share of each kind that was found.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path


def found(names: Sequence[str], records: Sequence[dict]) -> dict:
    """Returns the precision of a ranking and the share found of each kind.

    Args:
      names: The names of all masks, the most suspicious one first.
      records: The content of corrupted.json.
    """
    top = set(names[: len(records)])
    kinds: dict[str, list[bool]] = {}
    for record in records:
        kinds.setdefault(record["kind"], []).append(record["name"] in top)
    return {
        "precision": sum(map(sum, kinds.values())) / len(records),
        "by_kind": {kind: sum(hits) / len(hits) for kind, hits in kinds.items()},
    }


def main(ranking: str, corrupted: str) -> None:
    """Prints the scores of a ranking."""
    masks = json.loads(Path(ranking).read_text())["masks"]
    records = json.loads(Path(corrupted).read_text())
    soft = sorted(masks, key=lambda mask: mask["softmin"])
    scores = found([mask["name"] for mask in masks], records)
    scores["softmin"] = found([mask["name"] for mask in soft], records)
    names = {mask["name"]: mask["rank"] for mask in masks}
    scores["ranks"] = {
        record["name"]: [record["kind"], record["changed"], names[record["name"]]]
        for record in records
    }
    print(json.dumps(scores))


if __name__ == "__main__":
    main(*sys.argv[1:])
