"""Formats the tables of `jaxseg models --backbones` and `jaxseg models --families`.

A family is an architecture that can be combined with different backbones.
"""

from __future__ import annotations

import dataclasses
import json
import textwrap
from collections.abc import Sequence

from jaxseg.lab.backbone_row import stored_backbones
from jaxseg.lab.family_row import stored_families
from jaxseg.text import fitting


def backbone_rows(pattern: str, *, as_json: bool) -> str:
    """Returns a table of the backbones whose names fit a pattern.

    If only one fits, the names of the families that take it follow.

    Args:
      pattern: A part of the name, or a pattern with wildcards.
      as_json: Whether to return the text of a JSON list instead of a table.

    Raises:
      ValueError: If no name fits.
    """
    known = stored_backbones()
    names = fitting(pattern, known, "a backbone", "jaxseg models --backbones")
    rows = [row for name, row in known.items() if name in names]
    if as_json:
        return json.dumps([dataclasses.asdict(row) for row in rows], indent=1)
    titles = (
        "name",
        "parameters",
        "output strides",
        "level:stride:channels",
        "weights",
    )
    cells = [
        (
            row.name,
            f"{row.parameters:,}",
            " ".join(map(str, row.output_strides)),
            " ".join(":".join(map(str, level)) for level in row.levels),
            ", ".join(row.weights) or "-",
        )
        for row in rows
    ]
    table = aligned([titles, *cells])
    if len(rows) > 1:
        return table
    pairs = [
        family.name
        for family in stored_families().values()
        if rows[0].name in family.backbones
    ]
    return table + _listed(f"families that take {rows[0].name}", pairs)


def family_rows(pattern: str, *, as_json: bool) -> str:
    """Returns a table of the families whose names fit a pattern.

    A family is an architecture that can be combined with different backbones. If only
    one fits, the names of its backbones follow.

    Args:
      pattern: A part of the name, or a pattern with wildcards.
      as_json: Whether to return the text of a JSON list instead of a table.

    Raises:
      ValueError: If no name fits.
    """
    known = stored_families()
    names = fitting(pattern, known, "a family", "jaxseg models --families")
    rows = [row for name, row in known.items() if name in names]
    if as_json:
        listed = [dataclasses.asdict(row) | {"reads": dict(row.reads)} for row in rows]
        return json.dumps(listed, indent=1)
    cells = [
        (
            row.name,
            " ".join(f"{level}:{stride}" for level, stride in row.reads),
            str(row.output_stride),
            str(len(row.backbones)),
        )
        for row in rows
    ]
    titles = ("family", "level:stride", "output stride", "backbones")
    table = aligned([titles, *cells])
    if len(rows) > 1:
        return table
    return table + _listed(f"backbones of {rows[0].name}", rows[0].backbones)


def _listed(title: str, names: Sequence[str]) -> str:
    """Formats names as indented lines under a title, after an empty line."""
    text = textwrap.fill(
        " ".join(names),
        width=80,
        initial_indent="  ",
        subsequent_indent="  ",
        break_on_hyphens=False,
    )
    return f"\n\n{title}:\n{text}"


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Formats a table as one text, in which all cells of a column have the same width.

    Args:
      rows: The cells of each line, from left to right. All lines have the same
        number of cells.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    ]
    return "\n".join(line.rstrip() for line in lines)
