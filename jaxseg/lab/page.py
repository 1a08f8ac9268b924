"""Writes the output of `jaxseg lab`: printed tables, PNG files, JSON and an HTML page.

The page embeds its pictures, so that it can be shared as a single file.
"""

from __future__ import annotations

import dataclasses
import importlib.resources
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxseg.storage import atomic
from jaxseg.storage.json_file import plain
from jaxseg.text import as_message
from jaxseg.viz import page

PAGE = "index.html"


@dataclasses.dataclass
class Table:
    """Contains a titled table of numbers, strings and tuples, with column names."""

    title: str
    columns: Sequence[str]
    rows: list[Sequence[Any]]


@dataclasses.dataclass
class LabReport:
    """Contains the results of one tool of `jaxseg lab`.

    Attributes:
      title: The title of the page.
      command: The command line that produced the results.
      tables: Tables, which are printed and shown on the page.
      figures: A dictionary from the name of each figure to the bytes of its PNG file.
      data: A dictionary from names to further values for the JSON file.
      notes: Sentences that are printed below the tables.
      pages: A dictionary from the file name of each further HTML page to its text.
    """

    title: str
    command: str
    tables: list[Table] = dataclasses.field(default_factory=list)
    figures: dict[str, bytes] = dataclasses.field(default_factory=dict)
    data: dict[str, Any] = dataclasses.field(default_factory=dict)
    notes: list[str] = dataclasses.field(default_factory=list)
    pages: dict[str, str] = dataclasses.field(default_factory=dict)


def shown(value: Any) -> str:
    """Formats the value of a table cell, for example as "0.29", "1,234" or "yes".

    The items of a tuple are separated by spaces, and None is shown as "-".
    """
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, tuple | list):
        return " ".join(map(shown, value))
    if isinstance(value, int | np.integer):
        return f"{value:,}"
    if isinstance(value, float | np.floating):
        return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
    return "-" if value is None else str(value)


def lines(table: Table) -> str:
    """Formats a table as text with aligned columns."""
    cells = [list(table.columns), *([shown(c) for c in row] for row in table.rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    text = [table.title]
    for row in cells:
        first, *others = zip(row, widths, strict=True)
        parts = [first[0].ljust(first[1]), *(c.rjust(w) for c, w in others)]
        text.append("  ".join(parts).rstrip())
    return "\n".join(text)


def write(report: LabReport, folder: str | Path) -> Path:
    """Prints the tables, and writes the figures, result.json and the HTML page.

    Args:
      report: The results.
      folder: The folder for the files.

    Returns:
      The path of the HTML page.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for table in report.tables:
        print(as_message(lines(table)), end="\n\n")
    for note in report.notes:
        print(note)
    for name, picture in report.figures.items():
        atomic.write_bytes(folder / f"{name}.png", picture)
    for name, text in report.pages.items():
        atomic.write_text(folder / name, text)
    result = json.dumps(content(report), indent=1)
    atomic.write_text(folder / "result.json", result)
    target = folder / PAGE
    atomic.write_text(target, _page(report))
    print(as_message(f"Figures and numbers are in {target}"))
    for name in report.pages:
        print(as_message(f"A page for trying other rates is {folder / name}"))
    return target


def content(report: LabReport) -> dict[str, Any]:
    """Returns a dictionary with the content of result.json.

    It contains the command line ("command"), the tables ("tables") and the entries of
    `report.data`. Numbers that are not finite become None.
    """
    tables = {
        t.title: [dict(zip(t.columns, row, strict=True)) for row in t.rows]
        for t in report.tables
    }
    found = {"command": report.command, "tables": tables, **report.data}
    return plain(json.loads(json.dumps(found, default=_plain)))


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return dataclasses.asdict(value)
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(
        f"value={value!r} is invalid: expected a type that JSON supports, but it has "
        f"the type {type(value).__name__}"
    )


def _page(report: LabReport) -> str:
    """Returns the HTML page."""
    folder = importlib.resources.files("jaxseg.lab") / "templates"
    cells = lambda table: [[shown(cell) for cell in row] for row in table.rows]
    return page.render(folder, "report.html", report=report, cells=cells)
