"""Implements `jaxseg models`, which lists architectures, parameters, GFLOP and papers.

For the default image size and number of classes, the numbers come from a stored table,
and neither JAX nor the networks are imported. For other values, the numbers are
computed from the shapes of the layers, without initializing or running a network.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator

import tyro
from rich.console import Console
from rich.table import Table

from jaxseg.cli.arguments import parsed
from jaxseg.cli.model_parts import backbone_rows, family_rows
from jaxseg.cli.progress_display import counting
from jaxseg.cli.verbosity import only_json
from jaxseg.lab.model_row import CLASSES, LOOP, SIZE, Row, stored_rows
from jaxseg.runs.rules import each, whole
from jaxseg.text import fitting

BOUNDS = {
    "size": each(whole(1, 65_536)),
    "classes": whole(1, 65_535),
}


@dataclasses.dataclass(frozen=True)
class Arguments:
    """List the architectures with parameters, GFLOP (2 per multiply-add) and paper."""

    pattern: tyro.conf.Positional[str] = ""
    """Part of a name, or a pattern such as 'deeplab*50'. It selects architectures, or
    the backbones, families or weights that are listed instead. By default all are
    listed."""
    size: tuple[int, int] = SIZE
    """Height and width of the image in pixels, for counting GFLOP."""
    classes: int = CLASSES
    """Number of classes, for counting parameters and GFLOP."""
    json: tyro.conf.FlagCreatePairsOff[bool] = False
    """Write one JSON list instead of a table."""
    backbones: tyro.conf.FlagCreatePairsOff[bool] = False
    """List the backbones with their parameters, strides and channels instead. If the
    pattern fits only one, the families that take it are listed, too."""
    families: tyro.conf.FlagCreatePairsOff[bool] = False
    """List the families instead. A family is an architecture whose backbone is set by
    the option --model.backbone of `jaxseg train`. If the pattern fits only one, its
    backbones are listed, too."""
    pretrained: tyro.conf.FlagCreatePairsOff[bool] = False
    """List instead the published weights that --train.init-from, `jaxseg convert` and
    `jaxseg.load_pretrained` take by name."""


def main(argv: list[str]) -> int:
    """Prints the table of architectures; the exit status is 0."""
    options = parsed(Arguments, argv, prog="jaxseg models", bounds=BOUNDS)
    lists = {
        "--backbones": (options.backbones, backbone_rows),
        "--families": (options.families, family_rows),
        "--pretrained": (options.pretrained, _pretrained_rows),
    }
    chosen = [name for name, (given, _) in lists.items() if given]
    if len(chosen) > 1:
        raise ValueError(
            f"{chosen[0]} is invalid with {chosen[1]}: expected one of the two "
            "options. Leave the other one out."
        )
    if chosen:
        print(lists[chosen[0]][1](options.pattern, as_json=options.json))
        return 0
    names = matching(options.pattern)
    rows = find_rows(names, size=options.size, classes=options.classes)
    if options.json:
        with only_json() as write:
            write([dataclasses.asdict(row) for row in rows])
    elif sys.stdout.isatty():
        _print_table(rows, len(names), options.size)
    else:
        _print_lines(rows, names)
    if not options.pattern and not options.json:
        print("\nfamilies, which take a backbone by --model.backbone NAME:\n")
        print(family_rows("", as_json=False))
    return 0


def find_rows(
    names: list[str], *, size: tuple[int, int], classes: int
) -> Iterator[Row]:
    """Yields a `Row` with parameters, GFLOP and paper for each architecture.

    GFLOP are counted for one image, with 2 operations per multiply-add. The numbers
    come from the stored table if it is for this image size and this number of classes.
    Otherwise they are computed from the shapes of the layers.

    Args:
      names: The names of the architectures, which are in the stored table.
      size: The (H, W) of the image in pixels.
      classes: The number of classes.
    """
    if (size, classes) == (SIZE, CLASSES):
        stored = stored_rows()
        yield from (stored[name] for name in names)
        return
    # Imported here: the stored table needs no networks.
    from jaxseg.lab.model_table import describe
    from jaxseg.models import MODELS

    for name in names:
        yield describe(name, MODELS[name], size=size, classes=classes)


def matching(pattern: str) -> list[str]:
    """Returns the sorted names of the stored architectures that match a pattern.

    A name matches if it contains the pattern. If the pattern has wildcards, the whole
    name must match.

    Raises:
      ValueError: If no name matches. The message suggests similar names.
    """
    return fitting(pattern, stored_rows(), "a network", "jaxseg models")


def _pretrained_rows(pattern: str, *, as_json: bool) -> str:
    # Imported here: only this list needs the checkpoint library, which loads slowly.
    from jaxseg.cli.pretrained_list import pretrained_rows

    return pretrained_rows(pattern, as_json=as_json)


def _cells(row: Row) -> tuple[str, str, str, str, str]:
    gflops = "-" if row.gflops is None else f"{row.gflops:,.2f}"
    if row.gflops is not None and row.note == LOOP:
        gflops = f">= {gflops}"
    auxiliary = f"{row.auxiliary:,}" if row.auxiliary else ""
    paper = row.paper or "-"
    return row.name, f"{row.parameters:,}", auxiliary, gflops, paper


def _print_lines(rows: Iterator[Row], names: list[str]) -> None:
    """One line per model as soon as it is known."""
    width = max(map(len, names))
    line = f"{{:{width}}}  {{:>13}}  {{:>11}}  {{:>12}}  {{:10}}  {{}}"
    titles = ("name", "parameters", "auxiliary", "GFLOP", "arXiv", "")
    print(line.format(*titles).rstrip())
    for row in rows:
        print(line.format(*_cells(row), row.note).rstrip(), flush=True)


def _print_table(rows: Iterator[Row], count: int, size: tuple[int, int]) -> None:
    title = f"GFLOP of one image of {size[0]} x {size[1]} (2 per multiply-add)"
    table = Table(title=title, title_justify="left")
    table.add_column("name")
    for column in ("parameters", "auxiliary", "GFLOP"):
        table.add_column(column, justify="right")
    table.add_column("arXiv")
    notes = []
    with counting("network") as started:
        advance = started(count)
        for row in rows:
            table.add_row(*_cells(row))
            notes += [f"{row.name}: {row.note}"] if row.note else []
            advance()
    console = Console()
    console.print(table)
    for note in notes:
        console.print(note, markup=False, highlight=False)
