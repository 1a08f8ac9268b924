"""Evaluates runs on validation images and writes the report on them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import jax

from jaxseg.report.measure import MeasureOptions, measure
from jaxseg.report.omissions import PARTS
from jaxseg.report.page import render_report
from jaxseg.report.record import RunRecord, read_records
from jaxseg.report.runs import ReportedRun
from jaxseg.storage import atomic
from jaxseg.text import as_message

NAME = "report.html"
DEFAULT = MeasureOptions()


def write_report(
    workdirs: Sequence[str | os.PathLike],
    path: str | os.PathLike | None = None,
    *,
    options: MeasureOptions = DEFAULT,
    devices: list[jax.Device] | None = None,
) -> Path:
    """Writes the report of one run, or of several runs side by side.

    The networks are evaluated on validation images. If the data or a checkpoint cannot
    be read, the page says so and shows only the metrics that the training has logged.

    Args:
      workdirs: The run directories.
      path: The HTML file. By default it is report.html in the run directory.
      options: The checkpoint, the number of images and the folders of the data.
      devices: The devices to use. By default all devices are used.

    Returns:
      The path of the HTML file.

    Raises:
      ValueError: If a directory is not a run, or if there are several runs and no path.
    """
    if path is None and len(workdirs) != 1:
        raise ValueError(
            f"output=None is invalid with {len(workdirs)} run directories: expected "
            "the HTML file to write. Pass -o FILE."
        )
    records = read_records(workdirs)
    target = Path(workdirs[0]) / NAME if path is None else Path(path)
    runs = [reported(record, options, devices) for record in records]
    atomic.write_text(target, render_report(runs))
    return target


def reported(
    record: RunRecord, options: MeasureOptions, devices: list[jax.Device] | None = None
) -> ReportedRun:
    """Returns a run with its evaluation, or with the reason why it has none.

    Args:
      record: The run.
      options: The checkpoint, the number of images and the folders of the data.
      devices: The JAX devices to use. By default all devices are used.
    """
    if not options.images:
        reason = "no images were measured; `jaxseg report` measures them"
        return ReportedRun(record, omitted=dict.fromkeys(PARTS, reason))
    try:
        found = measure(record, options, devices=devices)
    except (ValueError, OSError) as error:
        problem = (
            "The network could not be evaluated, so that this page shows only the "
            f"records of the training: {as_message(error)}"
        )
        reason = "the network could not be evaluated"
        return ReportedRun(
            record, problem=problem, omitted=dict.fromkeys(PARTS, reason)
        )
    return ReportedRun(record, found, omitted=found.omitted)
