"""Formats the tables of `jaxseg models --backbones` and `jaxseg models --families`.

A family is an architecture that can be combined with different backbones.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence

from jaxseg.lab.backbone_row import stored_backbones
from jaxseg.lab.family_row import stored_families
from jaxseg.text import fitting


def backbone_rows(pattern: str, *, as_json: bool) -> str:
    """Returns a table of the backbones whose names fit a pattern.

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
    return aligned([titles, *cells])


def family_rows(pattern: str, *, as_json: bool) -> str:
    """Returns a table of the families whose names fit a pattern.

    A family is an architecture that can be combined with different backbones.

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
    return aligned([("family", "level:stride", "output stride", "backbones"), *cells])


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
