"""Renews `jaxseg/weights/published/entries.json`, the list of published weights.

    python -m experiments.published.collect --timm-results results-imagenet.csv

torchvision, timm, segmentation_models.pytorch, MMSegmentation and transformers have to
be installed; they state the addresses, licenses, normalizations and scores. `--only`
collects some of them and keeps the stored entries of the others. Nothing is downloaded.
Every entry is checked: the network of jaxseg takes every tensor of the library's
network. Weights without such a network are left out and counted.
"""

import argparse
import dataclasses
import json
import pathlib
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from experiments.published import (
    mmseg_rows,
    smp_rows,
    timm_rows,
    torchvision_rows,
    transformers_rows,
)
from experiments.published.check import check, recognized
from experiments.published.rows import Published
from jaxseg.storage import atomic
from jaxseg.weights.published.entry import Entry
from jaxseg.weights.published.table import TABLE, entries

LOG = pathlib.Path(__file__).with_name("results.jsonl")
LIBRARIES = {  # Name of the library in the command and in the entries.
    "torchvision": "torchvision",
    "timm": "timm",
    "smp": "segmentation_models_pytorch",
    "mmseg": "mmsegmentation",
    "transformers": "transformers",
}


def sources(
    results: pathlib.Path | None,
) -> dict[str, Callable[[], Iterator[Published]]]:
    """Returns the functions that yield the rows of each library."""
    return {
        "torchvision": torchvision_rows.rows,
        "timm": lambda: timm_rows.rows(results),
        "smp": smp_rows.rows,
        "mmseg": mmseg_rows.rows,
        "transformers": transformers_rows.rows,
    }


Known = dict[str, tuple[str, dict[str, Any], int]]


def settled(row: Published, known: Known) -> tuple[Entry, int]:
    """Returns the entry with its network, and the number of imported variables.

    Args:
      row: The published weights.
      known: The network, the options and the number for each description of a network
        that was checked before.

    Raises:
      ValueError: If jaxseg has no network for the weights.
    """
    entry = row.entry
    if row.model and row.model in known:
        network, options, count = known[row.model]
        return dataclasses.replace(entry, network=network, options=options), count
    tree = row.tree()
    if not entry.backbone:
        network, options = recognized(row, tree)
        entry = dataclasses.replace(entry, network=network, options=options)
    count = check(entry, tree)
    if row.model:
        known[row.model] = entry.network, dict(entry.options), count
    return entry, count


def main() -> None:
    """Writes the table, and one line per row to `results.jsonl`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--timm-results", type=pathlib.Path)
    parser.add_argument(
        "--only", nargs="*", choices=LIBRARIES, default=tuple(LIBRARIES)
    )
    parser.add_argument(
        "--new", action="store_true", help="check only what differs from the list"
    )
    options = parser.parse_args()
    found, log = [], []
    for name, rows in sources(options.timm_results).items():
        if name in options.only:
            new, lines = collected(rows(), _lines() if options.new else {})
            if name == "mmseg":
                pairs = mmseg_rows.left_out()
                lines += [{"name": name, "refused": why} for name, why in pairs]
            lines = [{"library": LIBRARIES[name], **line} for line in lines]
        else:
            new, lines = stored(LIBRARIES[name])
        found += new
        log += lines
    print(Counter(entry.library for entry in found), len(log), file=sys.stderr)
    write(found)
    atomic.write_text(LOG, "".join(json.dumps(line) + "\n" for line in log))


def _lines() -> dict[str, dict[str, Any]]:
    """Returns the lines of `results.jsonl` by the name of the weights."""
    lines = [json.loads(line) for line in LOG.read_text().splitlines()]
    return {line["name"]: line for line in lines}


def _unchanged(row: Published) -> Entry | None:
    """Returns the stored entry of a row if it states the same facts, or None."""
    entry = entries().get(row.entry.name)
    if entry is None:
        return None
    same = {"network": entry.network}
    same |= {"options": entry.options} if entry.network else {}
    return entry if dataclasses.replace(row.entry, **same) == entry else None


def collected(
    rows: Iterator[Published], old: Mapping[str, dict[str, Any]]
) -> tuple[list[Entry], list[dict[str, Any]]]:
    """Returns the entries of a library that fit a network, and a line for each row.

    Args:
      rows: The rows of the library.
      old: The lines of rows that are not checked again if their facts have not changed.
    """
    found, log, known = [], [], {}
    try:
        for row in rows:
            line: dict[str, Any] = {"name": row.entry.name}
            unchanged = _unchanged(row) if row.entry.name in old else None
            if unchanged is not None:
                found.append(unchanged)
                log.append(old[row.entry.name])
                continue
            try:
                entry, count = settled(row, known)
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                line["refused"] = str(error).splitlines()[0]
            else:
                found.append(entry)
                line |= {"network": entry.title, "variables": count}
            log.append(line)
            print(line, file=sys.stderr, flush=True)
    except KeyboardInterrupt:
        print("stopped: the later rows are left out", file=sys.stderr)
    return found, log


def stored(library: str) -> tuple[list[Entry], list[dict[str, Any]]]:
    """Returns the entries and the lines of a library from the present files."""
    lines = [json.loads(line) for line in LOG.read_text().splitlines()]
    return (
        [entry for entry in entries().values() if entry.library == library],
        [line for line in lines if line["library"] == library],
    )


def write(found: list[Entry]) -> None:
    """Writes the table, with one line for each entry and each list of classes."""
    classes: dict[tuple[str, ...], str] = {(): ""}
    lines = []
    for entry in found:
        key = classes.setdefault(entry.classes, f"{entry.data} ({len(entry.classes)})")
        fields = {
            k: v for k, v in dataclasses.asdict(entry).items() if v not in ("", {})
        }
        fields["classes"] = key
        lines.append(json.dumps(fields))
    named = [f"{json.dumps(v)}: {json.dumps(k)}" for k, v in classes.items() if k]
    text = (
        '{"classes": {\n'
        + ",\n".join(named)
        + '\n},\n"entries": [\n'
        + ",\n".join(lines)
        + "\n]}\n"
    )
    atomic.write_text(TABLE, text)


if __name__ == "__main__":
    main()
