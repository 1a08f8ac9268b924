"""Renders the report on one or several runs as one HTML page."""

from __future__ import annotations

import importlib.resources
from collections.abc import Sequence
from typing import Any

from jaxseg.report import cells, classes, curves, environments, matrix, settings
from jaxseg.report.cost import cost_of
from jaxseg.report.pictures import Gallery, draw_galleries, same_images
from jaxseg.report.record import RunRecord
from jaxseg.report.runs import ReportedRun, run_views
from jaxseg.report.summary import RunNumbers, cost_rows, summary_rows
from jaxseg.tasks.image_scores.tables import WIDTHS
from jaxseg.viz import charts, page

CALIBRATION_SCORES = (
    ("expected calibration error (ECE)", "expected_error"),
    ("largest error of a bin", "largest_error"),
    ("ECE of the classes", "classwise_error"),
    ("ECE of bins of equal size", "adaptive_error"),
    ("Brier score", "brier"),
    ("log loss [nat]", "log_loss"),
)
DIFFERENT_IMAGES = "the runs were evaluated on different images"
SECTIONS = (  # The sections of the page, and the value without which each is left out.
    ("summary", "Summary", None),
    ("classes", "Classes", "classes"),
    ("confusion", "Confusion matrix", "matrices"),
    ("curves", "Training", "curves"),
    ("images", "Images", "galleries"),
    ("calibration", "Calibration", "calibration"),
    ("boundary", "Boundaries", "boundary"),
    ("cost", "Cost", None),
    ("settings", "Settings", None),
    ("versions", "Versions and hardware", None),
    ("omitted", "Parts that are left out", "omitted"),
)


def render_report(runs: Sequence[ReportedRun]) -> str:
    """Returns the HTML page that reports on one or several runs.

    Args:
      runs: The runs, each with its evaluation.
    """
    records = [run.record for run in runs]
    several = len(runs) > 1
    costs = [cost_of(record) for record in records]
    scored = [classes.scored_run(run.record, run.measured) for run in runs]
    numbers = [
        RunNumbers(*one)
        for one in zip(scored, (run.measured for run in runs), costs, strict=True)
    ]
    shown = [one for one in scored if one is not None]
    values: dict[str, Any] = {
        "title": _title(records),
        "several": several,
        "names": [record.name for record in records],
        "runs": run_views(runs),
        "summary": summary_rows(numbers),
        "scored": shown,
        "compared": several and not _different_images(runs),
        "different_images": DIFFERENT_IMAGES,
        "scores": classes.SCORES,
        "classes": classes.class_rows(shown),
        "means": _means(shown),
        "curves": curves.draw_curves(records),
        "costs": cost_rows(costs),
        "different": settings.different_settings(records)
        if several
        else settings.chosen_settings(records[0]),
        "all_settings": settings.all_settings(records),
        **_matrices(runs),
        **_calibration(runs),
        **_boundary(runs),
        **_images(runs),
        **environments.environment_values(records),
    }
    values["omitted"] = _omitted(runs)
    values["sections"] = [
        (key, name)
        for key, name, needed in SECTIONS
        if needed is None or values[needed]
    ]
    folder = importlib.resources.files("jaxseg.report") / "templates"
    return page.render(folder, "report.html", **values, **cells.FUNCTIONS)


def _title(records: Sequence[RunRecord]) -> str:
    names = [record.name for record in records]
    if len(names) == 1:
        return f"Report of the run {names[0]}"
    return f"Comparison of {', '.join(names[:-1])} and {names[-1]}"


def _means(scored: Sequence[classes.ScoredRun]) -> dict[str, list[float]]:
    """Returns the mean of each score of the classes in each run, NaN if it has none."""
    return {
        key: [classes.number(run.values.get(mean)) for run in scored]
        for key, mean in classes.MEANS.items()
    }


def _measured(runs: Sequence[ReportedRun], field: str) -> list[ReportedRun]:
    """Returns the runs whose measurement has a value."""
    return [
        run
        for run in runs
        if run.measured is not None and getattr(run.measured, field) is not None
    ]


def _matrices(runs: Sequence[ReportedRun]) -> dict[str, Any]:
    views = []
    for run in _measured(runs, "matrix"):
        spec, counts = run.record.spec, run.measured.matrix
        most = matrix.MOST_CLASSES
        note = ""
        if spec.num_classes > most:
            note = f"The matrix shows the {most} most frequent classes."
        views.append(
            {
                "name": run.record.name,
                "color": charts.color(runs.index(run)),
                "rows": matrix.matrix_rows(counts, spec.classes, spec.palette),
                "largest": matrix.largest_confusions(counts, spec.classes),
                "note": note,
            }
        )
    return {"matrices": views}


def _calibration(runs: Sequence[ReportedRun]) -> dict[str, Any]:
    found = _measured(runs, "calibration")
    layout = charts.Layout(width=5.2, height=4.6)
    views = [
        {
            "name": run.record.name,
            "diagram": charts.svg(
                charts.Reliability(run.measured.calibration.bins, run.record.name),
                layout,
            ),
        }
        for run in found
    ]
    rows = [
        (
            name,
            [f"{getattr(run.measured.calibration, key):.4f}" for run in found],
        )
        for name, key in CALIBRATION_SCORES
    ]
    return {"calibration": views, "calibration_rows": rows}


def _boundary(runs: Sequence[ReportedRun]) -> dict[str, Any]:
    found = _measured(runs, "trimap")
    if not found:
        return {"boundary": None, "widths": (), "trimaps": ()}
    lines = {}
    for run in found:
        curve = 100 * run.measured.trimap
        lines[run.record.name] = charts.Line(range(1, len(curve) + 1), curve)
    chart = charts.Lines(
        lines if len(runs) > 1 else {"mean IoU in the band": lines.popitem()[1]},
        x=charts.Axis("width of the band in pixels", limits=(0, None)),
        y=charts.Axis("percent"),
        title="Mean IoU near boundaries",
        level=("all pixels", 100 * found[0].measured.scores["mean_iou"])
        if len(runs) == 1
        else None,
    )
    rows = [
        (run.record.name, [float(run.measured.trimap[w - 1]) for w in WIDTHS])
        for run in found
    ]
    picture = charts.svg(chart, curves.LAYOUT)
    return {"boundary": picture, "widths": WIDTHS, "trimaps": rows}


def _images(runs: Sequence[ReportedRun]) -> dict[str, Any]:
    found = [run for run in runs if run.measured is not None and run.measured.predicted]
    galleries: list[Gallery] = []
    if found and not _apart(found):
        names = [run.record.name for run in found]
        measured = [run.measured for run in found]
        galleries = draw_galleries(names, measured, found[0].record.spec)
    spec = found[0].record.spec if found else None
    legend = () if spec is None else zip(spec.classes, spec.palette, strict=True)
    return {"galleries": galleries, "legend": list(legend)}


def _apart(found: Sequence[ReportedRun]) -> str:
    """Returns why images of several runs cannot be shown together, or ""."""
    if any(run.record.spec.classes != found[0].record.spec.classes for run in found):
        return "the runs have different classes, so that no images can be compared"
    if not same_images([run.measured for run in found]):
        return DIFFERENT_IMAGES
    return ""


def _different_images(runs: Sequence[ReportedRun]) -> bool:
    """Returns whether the scores of several runs are from different images.

    The images are compared if all predictions are known, and otherwise the names of the
    datasets and the splits.
    """
    measured = [run.measured for run in runs]
    known = [one for one in measured if one is not None and one.predicted]
    if len(known) == len(runs):
        return not same_images(known)
    splits = {
        (
            run.record.spec.name,
            run.record.config.data.eval_split if one is None else one.split,
        )
        for run, one in zip(runs, measured, strict=True)
    }
    return len(splits) > 1


def _omitted(runs: Sequence[ReportedRun]) -> list[str]:
    """Returns a line for each part that is left out, with the reason."""
    lines: dict[str, None] = {}
    for run in runs:
        start = f"{run.record.name}: " if len(runs) > 1 else ""
        for part, reason in run.omitted.items():
            lines[f"{start}{part}, because {reason}."] = None
    found = [run for run in runs if run.measured is not None and run.measured.predicted]
    if found and (reason := _apart(found)):
        lines[f"Images, because {reason}."] = None
    if len(runs) > 1 and _different_images(runs):
        lines[f"Changes of scores, because {DIFFERENT_IMAGES}."] = None
    return list(lines)
