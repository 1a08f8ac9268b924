"""`jaxseg models`: every architecture with its parameters, arithmetic and paper.

Shapes only: nothing is initialised, computed or compiled.
"""

from __future__ import annotations

import dataclasses
import difflib
import fnmatch
import functools
import json
import re
import sys
from collections.abc import Callable, Iterator

import jax
import jax.numpy as jnp
import tyro
from flax import linen as nn
from rich.console import Console
from rich.progress import track
from rich.table import Table

from jaxseg.analysis.jaxpr.cost import Cost, count_cost_and_weights, count_parameters
from jaxseg.cli.arguments import parsed
from jaxseg.models import MODELS
from jaxseg.nn.block_config import Style
from jaxseg.runs.rules import each, whole

SIZE = (512, 512)
LOOP = "a loop of unknown length counts once"
CHANNELS = (3, 4, 1)  # colour; colour and sparse depth; grey


BOUNDS = {
    "size": each(whole(1, 65_536)),
    "classes": whole(1, 65_535),
}


@dataclasses.dataclass(frozen=True)
class Options:
    """List architectures: parameters, GFLOP (2 per multiply-add) and paper."""

    pattern: tyro.conf.Positional[str] = ""
    """Part of a name, or a pattern such as 'deeplab*50'; all without it."""
    size: tuple[int, int] = SIZE
    """Height and width of the image for the arithmetic."""
    classes: int = 21
    """Number of classes."""
    json: tyro.conf.FlagCreatePairsOff[bool] = False
    """Write one JSON list instead of a table."""


@dataclasses.dataclass(frozen=True)
class Row:
    """What is known of one architecture.

    Attributes:
      name: in `jaxseg.list_models()`.
      parameters: of prediction, in elements.
      auxiliary: parameters of heads that only training uses.
      gflops: 2 * multiply-accumulates / 1e9 of one image's logits; None where the
        network does not take the size.
      paper: arXiv id in the factory's docstring.
      note: why `gflops` is missing, or that it is a lower bound.
    """

    name: str
    parameters: int
    auxiliary: int
    gflops: float | None
    paper: str | None
    note: str = ""


def main(argv: list[str]) -> int:
    """Prints the table; the exit status is 0."""
    options = parsed(Options, argv, prog="jaxseg models", bounds=BOUNDS)
    names = matching(options.pattern)
    rows = (
        describe(name, MODELS[name], size=options.size, classes=options.classes)
        for name in names
    )
    if options.json:
        print(json.dumps([dataclasses.asdict(row) for row in rows], indent=1))
    elif sys.stdout.isatty():
        _print_table(rows, len(names), options.size)
    else:
        _print_lines(rows, names)
    return 0


def matching(pattern: str) -> list[str]:
    """Sorted names that contain the pattern, or match it if it has wildcards.

    Raises:
      ValueError: if there is none, with the nearest names.
    """
    wild = any(character in pattern for character in "*?[")
    names = sorted(
        name
        for name in MODELS
        if (fnmatch.fnmatchcase(name, pattern) if wild else pattern in name)
    )
    if not names:
        near = difflib.get_close_matches(pattern, MODELS, n=3) or sorted(MODELS)
        raise ValueError(f"no model matches {pattern!r}; nearest are {', '.join(near)}")
    return names


def describe(
    name: str,
    factory: Callable[..., nn.Module],
    *,
    size: tuple[int, int] = SIZE,
    classes: int = 21,
) -> Row:
    """Counts parameters and arithmetic of one factory from shapes alone.

    Convolutions take their plain form (`Style(impl="lax")`): the faster formulations
    compute the same, some of them by elementwise products that are not counted.
    """
    model = factory(classes, style=Style(impl="lax"))
    paper = paper_id(factory)
    try:
        cost, variables = network_cost(model, size)
    except ValueError as error:  # what a network says of a size it does not take
        note = str(error).splitlines()[0]
        _, variables = network_cost(model, SIZE)
        return Row(name, *_split(variables["params"]), None, paper, note)
    note = LOOP if cost.while_loops else ""
    if hasattr(model, "example_inputs"):
        note = f"for one cloud of {model.example_inputs()[0].shape[1]:,} points"
    return Row(name, *_split(variables["params"]), cost.flops / 1e9, paper, note)


def network_cost(model: nn.Module, size: tuple[int, int]) -> tuple[Cost, dict]:
    """Cost of one image's logits, and the shapes of the variables.

    The image has the first number of `CHANNELS` that the network takes; a network of
    point clouds gets its own example instead.
    """

    def logits(key, *inputs):
        outputs, variables = model.init_with_output(key, *inputs, train=False)
        return outputs["logits"], variables

    key, errors = jax.eval_shape(lambda: jax.random.key(0)), []
    if hasattr(model, "example_inputs"):
        return count_cost_and_weights(logits, key, *model.example_inputs())
    for channels in CHANNELS:
        image = jax.ShapeDtypeStruct((1, *size, channels), jnp.float32)
        try:
            return count_cost_and_weights(logits, key, image)
        except ValueError as error:
            errors.append(error)
    raise errors[0]


def paper_id(factory: Callable) -> str | None:
    """The first arXiv id in the docstring of a function or `functools.partial`.

    >>> paper_id(describe) is None
    True
    """
    while isinstance(factory, functools.partial):
        factory = factory.func
    found = re.search(r"arXiv[ :]*(\d{4}\.\d{4,5})", factory.__doc__ or "")
    return found[1] if found else None


def _split(params: dict) -> tuple[int, int]:
    auxiliary = {k: v for k, v in params.items() if k.startswith("aux")}
    extra = count_parameters(auxiliary)
    return count_parameters(params) - extra, extra


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
    error = Console(stderr=True)
    for row in track(rows, "counting", total=count, console=error, transient=True):
        table.add_row(*_cells(row))
        notes += [f"{row.name}: {row.note}"] if row.note else []
    console = Console()
    console.print(table)
    for note in notes:
        console.print(note, markup=False, highlight=False)
