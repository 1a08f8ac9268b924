"""Writes the table and the charts of `jaxseg bench` from its stored measurements."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from jaxseg.storage import atomic
from jaxseg.viz import charts

MARK = " *"
Record = dict[str, Any]
# Goals of each kind of row: geometric mean, and maximum, of the ratios to PyTorch.
GOALS = {
    "forward b1": (1.0, 1.3),
    "train step": (1.0, 1.4),
}


def latest(records: Iterable[Record]) -> list[Record]:
    """Returns one measurement for each row of the benchmark's table.

    A measurement is a dictionary, as results.jsonl contains it. Measurements without
    `--quick` take precedence over those with it. Among these, measurements that other
    processes did not disturb (`contaminated` is False) take precedence. The last of the
    remaining measurements of a row is selected.
    """
    chosen: dict[str, Record] = {}
    for record in records:
        kept = chosen.get(record["key"])
        if kept is None or _rank(record) >= _rank(kept):
            chosen[record["key"]] = record
    return list(chosen.values())


def _rank(record: Record) -> int:
    return 2 * (not record["quick"]) + (not record["contaminated"])


def ratios(record: Record, side: str = "torch") -> tuple[float, float] | None:
    """Returns the times of jaxseg divided by PyTorch's in one row of the table.

    Args:
      record: The measurement of the row.
      side: The program to compare with, such as "torch" or "torch.compile".

    Returns:
      The ratio of the median times and that of the smallest times, or None if the
      measurement has no times of that program.
    """
    times = record.get("times", {})
    if side not in times:
        return None
    return tuple(
        times["jaxseg"][name] / times[side][name] for name in ("median_ms", "min_ms")
    )


def geometric_mean(values: Sequence[float]) -> float:
    """Returns the geometric mean exp(mean(log(values))).

    >>> round(geometric_mean([0.5, 2.0]), 6)
    1.0
    """
    return math.exp(sum(map(math.log, values)) / len(values))


def write(records: list[Record], folder: Path, command: str) -> None:
    """Writes the report of the benchmark to a folder.

    The files are table.md and, if PyTorch was timed, operators.png and networks.png.

    Args:
      records: The measurements, one for each row of the table.
      folder: The folder for these files.
      command: The command line, which the table shows.
    """
    atomic.write_text(folder / "table.md", page(records, command))
    for part, name in (("ops", "operators"), ("models", "networks")):
        if rows := compared(records, part):
            atomic.write_bytes(folder / f"{name}.png", charts.png(*ratio_chart(rows)))


def ratio_chart(records: list[Record]) -> tuple[charts.Dots, charts.Layout]:
    """Returns a pair: a chart of jaxseg's times relative to PyTorch's, and its layout.

    The times are medians. The layout states the width and the height of the picture.

    Args:
      records: The measurements. Each has times of PyTorch.
    """
    series: dict[str, dict[str, float]] = {}
    for record in records:
        row = series.setdefault(record["kind"], {})
        row[record["name"] + mark(record)] = ratios(record)[0]
    title = "Median time relative to PyTorch"
    if any(map(mark, records)):
        title += f" ({MARK.strip()} disturbed)"
    axis = charts.Axis("time of jaxseg / time of PyTorch; below 1 is faster", log=True)
    chart = charts.Dots(series, x=axis, title=title, level=1.0)
    names = {name for rows in series.values() for name in rows}
    return chart, charts.Layout.of_rows(len(names), width=8)


def compared(records: Iterable[Record], part: str) -> list[Record]:
    """Returns a list of the measurements that include times of PyTorch.

    Args:
      records: The measurements.
      part: "ops" for operators or "models" for networks.
    """
    return [r for r in records if r["part"] == part and ratios(r)]


def page(records: list[Record], command: str) -> str:
    """Formats the measurements and the command line of the benchmark as Markdown."""
    if not records:
        return "No rows.\n"
    last = records[-1]
    head = [
        f"Command: `{command}`",
        "",
        ", ".join(f"{name} {version}" for name, version in last["versions"].items())
        + f"; {last['device']}, {last['dtype']}, commit {last['commit']}.",
        "",
        "Ratios are time over PyTorch's in the same run: medians | minima.",
        f"Rows with{MARK} were disturbed by other processes; ignore their ratios.",
    ]
    sections = [
        _operators([r for r in records if r["part"] == "ops"]),
        _networks([r for r in records if r["part"] == "models"]),
        _memory([r for r in records if r["part"] == "memory"]),
    ]
    return "\n\n".join(["\n".join(head), *(s for s in sections if s)]) + "\n"


def mark(record: Record) -> str:
    """Returns the mark that follows a row's name if its time ratios are unreliable.

    They are unreliable if other processes disturbed the measurement, or if the row was
    measured with `--quick`. Otherwise, the result is "".
    """
    return MARK if record["contaminated"] or record["quick"] else ""


def _operators(records: list[Record]) -> str:
    columns = (
        "operator",
        "",
        "jaxseg ms",
        "torch ms",
        "ratio",
        "temp MiB",
        "compile s",
    )
    rows = [
        (
            record["name"] + mark(record),
            record["kind"],
            _time(record, "jaxseg"),
            _time(record, "torch"),
            _ratio(record),
            _mebibytes(record["temp_bytes"]),
            f"{record['compile_seconds']:.1f}",
        )
        for record in records
    ]
    return _table(columns, rows) if rows else ""


def _networks(records: list[Record]) -> str:
    if not records:
        return ""
    sides = [s for s in ("torch", "torch.compile", "lax") if _any_side(records, s)]
    columns = ("network", "image", "", "jaxseg ms")
    columns += tuple(f"{side} ms" for side in sides)
    columns += tuple(f"over {side}" for side in sides)
    columns += ("parameters", "temp MiB", "compile s")
    rows = [_network_row(record, sides) for record in records]
    notes = [
        f"- {r['name']}, {r['kind']}: {side}: {note}"
        for r in records
        for side, note in r["notes"].items()
        if note != "no peer"
    ]
    text = [_table(columns, rows), *_summary(records), *notes]
    return "\n".join(text)


def _network_row(record: Record, sides: list[str]) -> tuple[str, ...]:
    counts = record["parameters"]
    same = set(counts.values()) == {counts["jaxseg"]} and len(counts) > 1
    match = "equal" if same else "no peer" if len(counts) == 1 else "UNEQUAL"
    return (
        record["name"] + mark(record),
        f"{record['batch']} x {record['size']}²",
        record["kind"],
        _time(record, "jaxseg"),
        *(_time(record, side) for side in sides),
        *(_ratio(record, side) for side in sides),
        f"{counts['jaxseg']:,} ({match})",
        _mebibytes(record["temp_bytes"]),
        f"{record['compile_seconds']:.1f}",
    )


def _any_side(records: list[Record], side: str) -> bool:
    return any(side in record["times"] for record in records)


def _summary(records: list[Record]) -> list[str]:
    """Summarizes the rows with a peer by kind, and compares them with the goals."""
    lines = [""]
    for kind in dict.fromkeys(record["kind"] for record in records):
        found = [r for r in records if r["kind"] == kind and ratios(r)]
        if not found:
            continue
        values = [ratios(record)[0] for record in found]
        worst = max(found, key=lambda record: ratios(record)[0])
        text = (
            f"{kind}: geometric mean {geometric_mean(values):.2f} of {len(values)}, "
            f"most {max(values):.2f} ({worst['name']})"
        )
        if kind in GOALS:
            mean, most = GOALS[kind]
            met = geometric_mean(values) <= mean and max(values) <= most
            text += f"; goal {mean} and {most}: {'met' if met else 'missed'}"
        disturbed = sum(bool(mark(record)) for record in found)
        lines += [text + (f"; {disturbed} disturbed" if disturbed else "") + ".", ""]
    return lines


def _memory(records: list[Record]) -> str:
    columns = ("network", "jaxseg MiB", "torch MiB", "ratio")
    rows = []
    for record in records:
        peaks = record["peak_bytes"]
        both = len(peaks) == 2
        ratio = f"{peaks['jaxseg'] / peaks['torch']:.2f}" if both else ""
        cells = [_mebibytes(peaks.get(side)) for side in ("jaxseg", "torch")]
        rows.append((record["name"], *cells, ratio))
    title = "Peak memory of a training step, without weights and momentum:\n\n"
    return title + _table(columns, rows) if rows else ""


def _time(record: Record, side: str) -> str:
    times = record["times"].get(side)
    return charts.number(round(times["median_ms"], 3)) if times else ""


def _ratio(record: Record, side: str = "torch") -> str:
    found = ratios(record, side)
    return f"{found[0]:.2f} \\| {found[1]:.2f}" if found else ""


def _mebibytes(count: int | None) -> str:
    return "" if count is None else f"{count / 2**20:.0f}"


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(columns)} |", "|" + "---|" * len(columns)]
    return "\n".join(lines + [f"| {' | '.join(row)} |" for row in rows])
