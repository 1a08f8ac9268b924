"""Reads the published tables that `jaxseg reproduce` trains at a reduced size.

The folder `papers` has one JSON file for each paper. It contains the published figures
with their source, and the reduced configuration of each row.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jaxseg.text import one_of

FOLDER = Path(__file__).with_name("papers")


@dataclasses.dataclass(frozen=True)
class Row:
    """Contains one row of a published table.

    Attributes:
      name: A short name, which is also the name of the row's configuration.
      label: The row in words.
      score: The published mean IoU in percent.
      changes: The parts of the configuration in which the row differs from the others,
        as nested dictionaries.
    """

    name: str
    label: str
    score: float
    changes: Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class PublishedTable:
    """Contains a published table and the form in which it is trained.

    Attributes:
      paper: The name of the paper's file, such as "deeplabv3".
      name: The name of the table, such as "table5".
      title: The name of the system and what the table varies.
      arxiv: The arXiv identifier of the paper.
      number: The number of the table in the paper, or None if it is not known.
      dataset: The dataset and the split of the published figures.
      source: Where the figures were read.
      reduction: Sentences about the differences between the reduced form and the
        published one.
      size: The name of the reduced image size, see `jaxseg.lab.reproduction.reduced`.
      seconds: CPU seconds for a row and a seed, including compilation; an estimate.
      changes: The parts of the configuration that all rows share.
      rows: The rows in the order of the published table.
    """

    paper: str
    name: str
    title: str
    arxiv: str
    number: int | None
    dataset: str
    source: str
    reduction: str
    size: str
    seconds: float
    changes: Mapping[str, Any]
    rows: tuple[Row, ...]

    @property
    def reference(self) -> str:
        """Returns the paper and the table, such as "arXiv 1706.05587, table 5"."""
        number = "" if self.number is None else f", table {self.number}"
        return f"arXiv {self.arxiv}{number}"

    def chosen(self, names: tuple[str, ...]) -> tuple[Row, ...]:
        """Returns the rows of the given names, in the order of the table.

        Args:
          names: Names of rows. () returns all rows.

        Raises:
          ValueError: If no row has one of the names.
        """
        known = [row.name for row in self.rows]
        for name in names:
            if name not in known:
                raise ValueError(f"rows={name!r} is invalid{one_of(name, known)}")
        return tuple(row for row in self.rows if not names or row.name in names)


def paper_names() -> tuple[str, ...]:
    """Returns the names of all papers, sorted."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.json")))


def read_tables(paper: str) -> dict[str, PublishedTable]:
    """Reads the tables of a paper.

    Args:
      paper: The name of the paper, such as "deeplabv3".

    Returns:
      A dictionary from the names of the tables, such as "table5", to the tables.

    Raises:
      ValueError: If there is no such paper.
    """
    if paper not in (known := paper_names()):
        raise ValueError(f"paper={paper!r} is invalid{one_of(paper, known)}")
    found = json.loads((FOLDER / f"{paper}.json").read_text(encoding="utf-8"))
    return {
        name: PublishedTable(
            paper=paper,
            name=name,
            arxiv=found["arxiv"],
            rows=tuple(
                Row(key, row["label"], row["score"], row["changes"])
                for key, row in fields.pop("rows").items()
            ),
            **fields,
        )
        for name, fields in found["tables"].items()
    }


def find_table(paper: str, name: str) -> PublishedTable:
    """Returns a table of a paper.

    Raises:
      ValueError: If there is no such paper, or the paper has no such table.
    """
    tables = read_tables(paper)
    if name not in tables:
        raise ValueError(f"table={name!r} is invalid{one_of(name, tables)}")
    return tables[name]


def all_tables() -> tuple[PublishedTable, ...]:
    """Returns all tables, sorted by paper."""
    return tuple(t for paper in paper_names() for t in read_tables(paper).values())
