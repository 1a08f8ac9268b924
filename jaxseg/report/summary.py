"""Collects the most important numbers of runs, and their costs, as rows of text."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence

from jaxseg.report.classes import ScoredRun, number
from jaxseg.report.cost import Cost
from jaxseg.report.formats import (
    ABSENT,
    binary,
    compact,
    duration,
    percentage,
    signed,
)
from jaxseg.report.measure import Measurement


@dataclasses.dataclass(frozen=True)
class SummaryRow:
    """Contains one row of the summary table: a quantity, such as mean IoU, of all runs.

    Attributes:
      name: The name of the quantity.
      values: The value of the quantity in each run, as text.
      change: The change from the first run to the last one, as text; "" for one run.
      note: A remark on the quantity, such as which value is best, or "".
    """

    name: str
    values: tuple[str, ...]
    change: str = ""
    note: str = ""


@dataclasses.dataclass(frozen=True)
class RunNumbers:
    """Contains the scores and the cost of one run.

    Attributes:
      scored: The scores of the run, or None if it was never evaluated.
      measured: The evaluation that the report has made, or None if there is none.
      cost: The cost of the run.
    """

    scored: ScoredRun | None
    measured: Measurement | None
    cost: Cost


SCORES = (
    ("mean IoU", "mean_iou"),
    ("pixel accuracy", "pixel_accuracy"),
    ("mean accuracy", "mean_accuracy"),
    ("freq. weighted IoU", "fw_iou"),
    ("mean F1", "mean_f1"),
)


def summary_rows(runs: Sequence[RunNumbers]) -> list[SummaryRow]:
    """Returns a list of the rows of the table of important scores and costs.

    Args:
      runs: The scores and the cost of each run.
    """
    rows = [
        _score_row(name, [_score(run, key) for run in runs]) for name, key in SCORES
    ]
    errors = [
        run.measured.calibration.expected_error
        if run.measured is not None and run.measured.calibration is not None
        else math.nan
        for run in runs
    ]
    rows.append(_score_row("calibration error", errors, note="ECE, 0 is best"))
    costs = [run.cost for run in runs]
    rows += [
        _cost_row("parameters", costs, lambda one: one.parameters, compact),
        _cost_row(
            "training speed",
            costs,
            lambda one: one.images_per_second,
            lambda value: ABSENT if value is None else f"{value:.1f} img/s",
        ),
        _cost_row("training time", costs, lambda one: one.seconds, duration),
    ]
    return [row for row in rows if any(value != ABSENT for value in row.values)]


def _score(run: RunNumbers, key: str) -> float:
    return math.nan if run.scored is None else number(run.scored.values.get(key))


def _score_row(name: str, values: Sequence[float], note: str = "") -> SummaryRow:
    shown = tuple(
        ABSENT if math.isnan(value) else f"{percentage(value)} %" for value in values
    )
    change = signed(values[-1] - values[0]) if len(values) > 1 else ""
    return SummaryRow(name, shown, change, note)


def _cost_row(name: str, costs: Sequence[Cost], value: Callable, form: Callable):
    values = [value(one) for one in costs]
    change = ABSENT
    if len(values) > 1 and values[0] and values[-1] is not None:
        change = f"{values[-1] / values[0]:.2f} x"
    return SummaryRow(name, tuple(form(one) for one in values), change)


def cost_rows(costs: Sequence[Cost]) -> list[tuple[str, list[str]]]:
    """Returns the rows of the table of costs.

    Args:
      costs: The costs of the runs.

    Returns:
      A list with a pair for each row: the name of the quantity, and a list of its
      values in the runs, as text.
    """

    def speed(one: Cost) -> str:
        value = one.images_per_second
        return ABSENT if value is None else f"{value:.1f} images/s"

    def forward(one: Cost) -> str:
        if one.flops is None:
            return ABSENT
        size = "" if one.size is None else f" ({one.size[0]} x {one.size[1]} pixels)"
        return compact(one.flops, "FLOP") + size

    def percent(value: float | None) -> str:
        return ABSENT if value is None else f"{100 * value:.1f} %"

    columns: list[tuple[str, Callable[[Cost], str]]] = [
        ("parameters", lambda one: _whole(one.parameters)),
        (
            "of which only training uses",
            lambda one: _whole(one.auxiliary) if one.auxiliary else ABSENT,
        ),
        ("operations per image", forward),
        ("operations per training step", lambda one: compact(one.step_flops, "FLOP")),
        ("largest memory use", _memory),
        ("training time", lambda one: duration(one.seconds)),
        ("time of the whole run", lambda one: duration(one.wall)),
        ("goodput: share of it in steps that count", lambda one: percent(one.goodput)),
        ("processes, with those after restarts", lambda one: _whole(one.processes)),
        ("training speed", speed),
        ("time spent waiting for input", lambda one: percent(one.input_wait)),
        (
            "utilization (MFU)",
            lambda one: one.mfu_unknown or percent(one.mfu),
        ),
        ("compiled training programs", lambda one: _whole(one.programs)),
    ]
    rows = [(name, [form(one) for one in costs]) for name, form in columns]
    return [row for row in rows if any(value != ABSENT for value in row[1])]


def _whole(value: int | None) -> str:
    return ABSENT if value is None else f"{value:,}"


def _memory(one: Cost) -> str:
    return ABSENT if one.memory is None else f"{binary(one.memory)} {one.memory_of}"
