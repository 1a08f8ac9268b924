"""Formats the comparison of our scores with those of a published table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jaxseg.lab.page import Table
from jaxseg.lab.reproduction.signs import LEAST, SignComparison, compare_signs
from jaxseg.lab.reproduction.tables import PublishedTable, Row
from jaxseg.metrics.seeds import summarize_seeds

Scores = Mapping[str, Mapping[int, float]]


def score_table(table: PublishedTable, rows: Sequence[Row], scores: Scores) -> Table:
    """Returns a table with the published score of each row beside ours, in percent.

    Args:
      table: The published table.
      rows: The rows to show.
      scores: The mean IoU, from 0 to 1, for each row and seed.
    """
    seeds = sorted({seed for found in scores.values() for seed in found})
    columns = ("row", "theirs", "ours", "spread", *(f"seed {s}" for s in seeds))
    cells = []
    for row in rows:
        found = scores.get(row.name, {})
        mean = spread = None
        if found:
            summary = summarize_seeds(row.name, list(found.values()))
            mean, spread = summary.mean, summary.spread
        each = (points(found.get(seed)) for seed in seeds)
        cells.append((row.name, str(row.score), points(mean), points(spread), *each))
    title = f"{table.title} ({table.reference}, {table.dataset}), mean IoU in percent"
    return Table(title, columns, cells)


def sign_table(compared: Sequence[SignComparison]) -> Table:
    """Returns a table that says which signs of the published differences hold."""
    columns = ("difference", "theirs", "ours", "spread", "seeds", "holds")
    cells = [
        (
            f"{pair.second} - {pair.first}",
            f"{pair.published:+.2f}",
            None if pair.mean is None else f"{pair.mean:+.2f}",
            None if pair.spread is None else f"{pair.spread:.2f}",
            f"{len(pair.agreeing)} of {len(pair.seeds)}",
            pair.holds,
        )
        for pair in compared
    ]
    title = f"Differences above {LEAST:g} point in the paper, in points of mean IoU"
    return Table(title, columns, cells)


def summary_of(compared: Sequence[SignComparison]) -> str:
    """Returns a sentence that counts the signs that hold in the mean."""
    measured = [pair for pair in compared if pair.holds is not None]
    if not compared:
        return f"No two of these rows differ by more than {LEAST:g} point in the paper."
    if not measured:
        return "No two of these rows have scores with the same seed."
    held = sum(bool(pair.holds) for pair in measured)
    whole = sum(len(pair.agreeing) == len(pair.seeds) for pair in measured)
    return (
        f"The sign holds in the mean for {held} of {len(measured)} differences, and in "
        f"every seed for {whole}."
    )


def as_document(
    table: PublishedTable, rows: Sequence[Row], scores: Scores, command: str
) -> dict[str, Any]:
    """Returns the comparison as a dictionary of JSON values.

    Args:
      table: The published table.
      rows: The compared rows.
      scores: The mean IoU, from 0 to 1, for each row and seed.
      command: The command line.
    """
    return {
        "command": command,
        "paper": table.paper,
        "table": table.name,
        "arxiv": table.arxiv,
        "number": table.number,
        "dataset": table.dataset,
        "source": table.source,
        "reduction": table.reduction,
        "rows": [
            {
                "name": row.name,
                "label": row.label,
                "published": row.score,
                "mean_iou": {str(s): v for s, v in scores.get(row.name, {}).items()},
            }
            for row in rows
        ],
        "differences": [
            {
                "first": pair.first,
                "second": pair.second,
                "published": pair.published,
                "seeds": {str(s): value for s, value in pair.seeds.items()},
                "mean": pair.mean,
                "spread": pair.spread,
                "holds": pair.holds,
            }
            for pair in compare_signs(rows, scores)
        ],
    }


def points(value: float | None) -> str | None:
    """Returns a score from 0 to 1 as a percentage with two decimals; None stays None.

    >>> points(0.4012)
    '40.12'
    """
    return None if value is None else f"{100 * value:.2f}"
