"""Implements `jaxseg report WORKDIR...`, which writes an HTML page about runs."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import tyro

from jaxseg.cli.arguments import parsed
from jaxseg.cli.progress_display import counting
from jaxseg.cli.verbosity import note
from jaxseg.report.measure import MeasureOptions
from jaxseg.report.writing import write_report
from jaxseg.runs.bounds import BOUNDS as CONFIGURATION
from jaxseg.runs.rules import each, optional, text, whole
from jaxseg.storage.places import check_file


@dataclasses.dataclass(frozen=True)
class Folders:
    """Sets the folders of the data on which the runs are measured.

    Attributes:
      raw_dir: Folder with the original files of the dataset. The default is the folder
        that the training has used.
      prepared_dir: Folder for the prepared dataset. The default is the folder that the
        training has used.
      module: Modules of builders of tensorflow_datasets that the runs name and that may
        be executed.
    """

    raw_dir: str | None = None
    prepared_dir: str | None = None
    module: tuple[str, ...] = ()


FOLDERS = Folders()
DEFAULT = MeasureOptions()


@dataclasses.dataclass(frozen=True)
class Arguments:
    """Write an HTML page about one training run, or about several runs side by side.

    The page shows scores, curves, images, costs and settings, and needs no other file.
    """

    workdirs: tyro.conf.Positional[tuple[str, ...]]
    """Run directories that the page shows."""
    output: Annotated[str | None, tyro.conf.arg(aliases=["-o"])] = None
    """HTML file to write. The default is report.html in the run directory; with several
    runs, there is no default."""
    images: int = DEFAULT.images
    """Largest number of validation images on which the networks are measured. 0
    measures nothing and shows only the metrics that were logged during training."""
    checkpoint: str = "best"
    """Checkpoint to measure: best, latest, or the number of a saved step."""
    digest: bool = True
    """Compare the weights with the digest that was stored with them, and end with an
    error if they differ."""
    data: Annotated[Folders, tyro.conf.arg(name="data")] = FOLDERS


BOUNDS = {
    "workdirs": each(text()),
    "output": optional(text()),
    "images": whole(),
    "checkpoint": text(),
    "data.raw_dir": CONFIGURATION["data.raw_dir"],
    "data.prepared_dir": optional(text()),
    "data.module": each(text()),
}


def main(argv: list[str]) -> int:
    """Writes the report, and returns an exit status of `jaxseg.cli.exit_codes`."""
    given = parsed(Arguments, argv, prog="jaxseg report", bounds=BOUNDS)
    if not given.workdirs:
        raise ValueError(
            "workdirs=() is invalid: expected one run directory or more, such as "
            "`jaxseg report runs/default`."
        )
    if given.output is not None:
        check_file("output", given.output)
    with counting("image") as progress:
        options = MeasureOptions(
            given.images,
            checkpoint=given.checkpoint,
            raw_dir=given.data.raw_dir,
            prepared_dir=given.data.prepared_dir,
            modules=given.data.module,
            verify=given.digest,
            progress=progress,
        )
        path = write_report(given.workdirs, given.output, options=options)
    note(f"report: {path}")
    return 0
