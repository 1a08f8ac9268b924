"""Describes the published tables, and what their reproduction trains."""

from __future__ import annotations

from collections.abc import Mapping

from jaxseg.analysis.jaxpr.cost import count_parameters
from jaxseg.config import Config
from jaxseg.data.datasets import DATASETS
from jaxseg.lab.page import Table, lines
from jaxseg.lab.reproduction.tables import PublishedTable, all_tables
from jaxseg.runs.directory import build_model
from jaxseg.text import counted
from jaxseg.weights.model_variables import variable_shapes

SEEDS = 3  # of the times in the list


def list_of_tables() -> Table:
    """Returns a table of all published tables with their size and the expected time."""
    columns = ("paper", "table", "rows", "images", "steps", "CPU minutes", "title")
    cells = [
        (
            table.paper,
            table.name,
            len(table.rows),
            table.size,
            table.changes["train"]["steps"],
            f"{minutes(table, len(table.rows) * SEEDS):.0f}",
            table.title,
        )
        for table in all_tables()
    ]
    title = (
        f"Published tables: CPU minutes on one core for all rows with {SEEDS} seeds, "
        "on CamVid at half or a quarter of its resolution"
    )
    return Table(title, columns, cells)


def minutes(table: PublishedTable, runs: int) -> float:
    """Returns the expected CPU minutes of a number of runs of a table.

    Args:
      table: The table.
      runs: The number of runs, each of which trains one row with one seed.
    """
    return table.seconds * runs / 60


def described(
    table: PublishedTable, configs: Mapping[str, Config], *, seeds: int
) -> str:
    """Returns text that says what a reproduction would train.

    Args:
      table: The table.
      configs: The configurations of the rows, by name.
      seeds: The number of seeds.
    """
    rows = table.chosen(tuple(configs))
    cells = []
    for row in rows:
        config = configs[row.name]
        cells.append((row.name, str(row.score), config.model.name, parameters(config)))
    title = f"{table.title} ({table.reference}, {table.dataset})"
    columns = ("row", "theirs", "network", "parameters")
    first = next(iter(configs.values()))
    height, width = first.data.crop
    usual = table.changes["train"]["steps"]
    expected = minutes(table, len(rows) * seeds) * first.train.steps / usual
    return "\n".join(
        (
            lines(Table(title, columns, cells)),
            f"dry run: {counted(len(rows), 'row')}, {counted(seeds, 'seed')}, "
            f"{counted(first.train.steps, 'step')} of {first.train.batch_size} crops "
            f"of {height} x {width} pixels from {first.data.name}; about "
            f"{expected:.0f} CPU minutes on one core",
            f"Reduced size: {table.reduction}",
            f"The published figures were read from {table.source}.",
        )
    )


def parameters(config: Config) -> int:
    """Returns the number of parameters of the network, without building its arrays."""
    spec = DATASETS[config.data.name].choose(config.data.variant).spec
    variables = variable_shapes(build_model(config, spec.num_classes))
    return count_parameters(variables["params"])
