"""Implements `jaxseg reproduce PAPER TABLE`: trains the rows of a published table.

Every row is trained at a reduced size, which the command prints, with every seed in its
own folder of the work directory. The command then prints our scores beside those of the
paper. For each two rows whose published scores differ by more than one point, it prints
whether the sign of the difference is the same in ours. When the command runs again, it
keeps the finished runs and resumes the interrupted ones, like `jaxseg sweep`.

    jaxseg reproduce --list
    jaxseg reproduce deeplabv3 table5 --data.raw-dir CAMVID
    jaxseg reproduce deeplabv3 table5 --show
"""

from __future__ import annotations

import dataclasses
import shlex
import sys
from pathlib import Path

import tyro

from jaxseg.cli.arguments import parsed
from jaxseg.cli.exit_codes import ExitCode
from jaxseg.cli.verbosity import note
from jaxseg.lab.page import lines
from jaxseg.lab.reproduction import comparison, preview
from jaxseg.lab.reproduction.records import read_records, scores_of
from jaxseg.lab.reproduction.reduced import row_configs
from jaxseg.lab.reproduction.signs import compare_signs
from jaxseg.lab.reproduction.tables import PublishedTable, find_table
from jaxseg.lab.reproduction.training import Request, train_rows
from jaxseg.lab.sweeps.execution import LOG
from jaxseg.lab.sweeps.results import RESULTS
from jaxseg.runs.rules import optional, some, text, whole
from jaxseg.storage.json_file import write_json
from jaxseg.storage.places import check_file, check_folder
from jaxseg.text import as_message

BOUNDS = {
    "rows": optional(some(text())),
    "seeds": some(whole()),
    "steps": optional(whole(1)),
    "workdir": optional(text()),
    "records": optional(text()),
    "json": optional(text()),
    "data.raw_dir": optional(text()),
    "data.prepared_dir": optional(text()),
}


@dataclasses.dataclass(frozen=True)
class Files:
    """Selects the folders of the data.

    Attributes:
      raw_dir: Folder with the original files of the dataset.
      prepared_dir: Folder for the prepared dataset. The default is $JAXSEG_DATA_DIR, or
        ~/.cache/jaxseg if that variable is not set.
    """

    raw_dir: str | None = None
    prepared_dir: str | None = None


@dataclasses.dataclass(frozen=True)
class Arguments:
    """Train the rows of a published table at a reduced size, and compare the scores.

    To resume an interrupted reproduction, run the same command again.
    """

    paper: tyro.conf.Positional[str] = ""
    """Name of the paper, such as deeplabv3. --list prints all names."""
    table: tyro.conf.Positional[str] = ""
    """Name of the table, such as table5."""
    list: tyro.conf.FlagCreatePairsOff[bool] = False
    """List the tables with their size and the expected CPU time, and train nothing."""
    rows: tuple[str, ...] | None = None
    """Names of the rows to train. By default all rows are trained."""
    seeds: tuple[int, ...] = (0, 1, 2)
    """Seeds with which every row is trained."""
    steps: int | None = None
    """Number of steps of each training. The default is that of the table."""
    workdir: str | None = None
    """Folder of the run directories. The default is runs/reproduce/PAPER_TABLE."""
    dry_run: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print the rows with their networks and the expected time, and train nothing."""
    show: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print the comparison from the records, and train nothing."""
    records: str | None = None
    """File with the records that --show reads. The default is results.jsonl in the work
    directory."""
    json: str | None = None
    """File to which the comparison is also written as JSON."""
    data: Files = Files()


def main(argv: list[str]) -> int:
    """Trains the unfinished runs, and prints the comparison.

    The exit status is 1 if a run failed, else 0.
    """
    given = parsed(Arguments, argv, prog="jaxseg reproduce", bounds=BOUNDS)
    if given.list:
        if given.paper:
            raise ValueError(
                f"paper={given.paper!r} is invalid with --list: expected no name, "
                "because --list prints all tables. Leave one of the two out."
            )
        print(lines(preview.list_of_tables()))
        return ExitCode.SUCCESS
    _check(given)
    table = find_table(given.paper, given.table)
    folder = Path(given.workdir or f"runs/reproduce/{table.paper}_{table.name}")
    command = shlex.join(["jaxseg", "reproduce", *argv])
    names = given.rows or ()
    table.chosen(names)
    if given.dry_run:
        configs = row_configs(table, names, given.steps)
        print(preview.described(table, configs, seeds=len(given.seeds)))
        return ExitCode.SUCCESS
    if given.json is not None:
        check_file("json", given.json)
    failed = []
    if given.show:
        path = Path(given.records) if given.records else folder / RESULTS
        scores = scores_of(read_records(path, table))
    else:
        check_folder("workdir", folder)
        request = Request(
            folder,
            command,
            rows=names,
            seeds=given.seeds,
            steps=given.steps,
            **dataclasses.asdict(given.data),
        )
        scores, failed = train_rows(table, request, note)
    _print(table, names, scores)
    if given.json is not None:
        chosen = table.chosen(names)
        write_json(
            given.json, comparison.as_document(table, chosen, scores, command=command)
        )
    for run in failed:
        line = f"failed: {run.folder}, see {run.folder / LOG}"
        print(as_message(line), file=sys.stderr)
    return ExitCode.ERROR if failed else ExitCode.SUCCESS


def _check(given: Arguments) -> None:
    """Raises ValueError for options that are missing or contradict each other."""
    if not given.paper or not given.table:
        name = "table" if given.paper else "paper"
        raise ValueError(
            f"{name}='' is invalid: expected the name of a {name}. Run `jaxseg "
            "reproduce --list` to see all papers and tables."
        )
    if given.show and given.dry_run:
        raise ValueError(
            "--show is invalid with --dry-run: expected one of the two options. Leave "
            "the other one out."
        )
    if given.show and given.steps is not None:
        raise ValueError(
            f"steps={given.steps} is invalid with --show: expected none, because the "
            "records are printed as they are. Leave one of the two out."
        )
    if given.records is not None and not given.show:
        raise ValueError(
            f"records={given.records!r} is invalid: expected no file without --show. "
            "Add --show, or leave --records out."
        )


def _print(
    table: PublishedTable, names: tuple[str, ...], scores: comparison.Scores
) -> None:
    """Prints our scores beside the published ones, and the signs of differences."""
    rows = table.chosen(names)
    compared = compare_signs(rows, scores)
    labels = [f"  {row.name}: {row.label}" for row in rows]
    print(lines(comparison.score_table(table, rows, scores)), end="\n\n")
    if compared:
        print(lines(comparison.sign_table(compared)), end="\n\n")
    print(comparison.summary_of(compared))
    print("Rows:", *labels, sep="\n")
    print(f"Reduced size: {table.reduction}")
    print(f"The published figures were read from {table.source}.")
