"""Writes the results of a sweep: a line for each run, a table and a figure.

The table and the figure summarize the seeds of each configuration.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from jaxseg.lab.page import Table
from jaxseg.lab.sweeps.chart import seeds_chart
from jaxseg.lab.sweeps.configs import Axis
from jaxseg.lab.sweeps.members import Run
from jaxseg.metrics.seeds import summarize_seeds
from jaxseg.runs.provenance import commit, machine, versions
from jaxseg.storage import atomic
from jaxseg.storage.json_file import write_json, write_lines
from jaxseg.text import did_you_mean
from jaxseg.training.run.metric_reader import METRICS
from jaxseg.viz import charts

RESULTS, TABLE, FIGURE = "results.jsonl", "table.json", "results.png"


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Contains the options for comparing the runs of a sweep.

    Attributes:
      metric: The name of the score, such as "mean_iou", that the table and the figure
        show.
      command: The command line, which every line of results.jsonl contains.
      axis: The label of the figure's x axis and the position of each configuration on
        it. None draws one row for each configuration instead.
      copies: A folder to which results.jsonl and results.png are also copied, or None.
      labels: Further values that every line of results.jsonl contains, by name.
    """

    metric: str
    command: str
    axis: Axis | None = None
    copies: Path | None = None
    labels: Mapping[str, str] = dataclasses.field(default_factory=dict)


def publish(runs: list[Run], folder: Path, comparison: Comparison) -> Table:
    """Writes results.jsonl, table.json and results.png to the folder of a sweep.

    Args:
      runs: The runs of the sweep. Those without scores are left out.
      folder: The folder of the sweep.
      comparison: The score to compare, the x axis of the figure, and the folder to
        which the files are copied.

    Returns:
      A table with a row for each configuration: its name, the number of its seeds, and
      the mean, the standard deviation, the lowest and the highest of their scores.

    Raises:
      ValueError: If the score of a run is missing or is no number.
    """
    metric = comparison.metric
    scores = write_scores(runs, folder, comparison)
    rows = [summarize_seeds(name, values) for name, values in scores.items()]
    columns = ("name", "seeds", metric, "spread", "lowest", "highest")
    write_json(folder / TABLE, [dict(zip(columns, row, strict=True)) for row in rows])
    if scores:
        figure = draw(scores, comparison.axis, metric)
        atomic.write_bytes(folder / FIGURE, figure)
        for name in (RESULTS, FIGURE) if comparison.copies else ():
            content = (folder / name).read_bytes()
            atomic.write_bytes(comparison.copies / name, content)
    return Table(f"{folder}", columns, rows)


def write_scores(
    runs: list[Run], folder: Path, comparison: Comparison
) -> dict[str, list[float]]:
    """Writes results.jsonl, and returns one score for each configuration and seed.

    Args:
      runs: The runs of the sweep. Those without scores are left out.
      folder: The folder of the sweep.
      comparison: The name of the score that is returned, and the command line and the
        labels, which are written to every line of results.jsonl.

    Returns:
      A dictionary from the name of each configuration to a list with the score of each
      of its seeds.
    """
    metric = comparison.metric
    about = {
        **comparison.labels,
        "command": comparison.command,
        "commit": commit(),
        "versions": versions(),
        "machine": machine(),
    }
    results, groups = [], {}
    for run in runs:
        scores = run.scores()
        if scores is None:
            continue
        if metric not in scores:
            raise ValueError(
                f"metric={metric!r} is invalid: expected one of {', '.join(scores)}, "
                f"the scores in {run.folder / METRICS}.{did_you_mean(metric, scores)}"
            )
        if not isinstance(scores[metric], int | float):
            raise ValueError(
                f"metric={metric!r} is invalid: expected a number, found "
                f"{scores[metric]!r} at the last evaluation in {run.folder / METRICS}. "
                "Choose another --metric."
            )
        results.append({"name": run.name, "seed": run.seed, **scores, **about})
        groups.setdefault(run.name, []).append(scores[metric])
    write_lines(folder / RESULTS, results)
    return groups


def draw(scores: dict[str, list[float]], axis: Axis | None, metric: str) -> bytes:
    """Draws a figure with a dot for the score of every seed.

    Args:
      scores: A dictionary from the name of each configuration to the scores of its
        seeds.
      axis: The label of the x axis and the position of each configuration on it. None
        draws one row of dots for each configuration.
      metric: The name of the score.

    Returns:
      The bytes of a PNG file.
    """
    return charts.png(*seeds_chart(scores, axis, metric))
