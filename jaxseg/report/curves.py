"""Draws how loss, scores and speed of one or several runs changed during training."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from jaxseg.report.record import RunRecord
from jaxseg.viz import charts

LAYOUT = charts.Layout(width=5.6, height=3.1)
STEP = charts.Axis("step")


@dataclasses.dataclass(frozen=True)
class Curve:
    """Describes a chart of values over the training steps.

    Attributes:
      title: The title of the chart.
      y: The label of the vertical axis.
      values: For each line of the chart, a tuple: the name of the line; "train" or
        "eval", the kind of the metrics that it shows; and the name of the value in
        metrics.jsonl.
      caption: What the values are.
      scale: The factor by which the values are multiplied.
    """

    title: str
    y: charts.Axis
    values: Sequence[tuple[str, str, str]]
    caption: str
    scale: float = 1.0


@dataclasses.dataclass(frozen=True)
class Figure:
    """Contains a chart for the page.

    Attributes:
      title: What the chart shows.
      content: The bytes of the picture.
      caption: The text below the picture.
    """

    title: str
    content: bytes
    caption: str


SHARE = charts.Axis("percent", limits=(0, None))
CURVES = (
    Curve(
        "Loss",
        charts.Axis("loss", log=True),
        (("", "train", "loss"),),
        "Training loss, the mean over each log window.",
    ),
    Curve(
        "Scores",
        SHARE,
        (
            ("mean IoU", "eval", "mean_iou"),
            ("pixel accuracy", "eval", "pixel_accuracy"),
        ),
        "Mean IoU and pixel accuracy on the validation images.",
        scale=100,
    ),
    Curve(
        "Learning rate",
        charts.Axis("learning rate", limits=(0, None)),
        (("", "train", "learning_rate"),),
        "Learning rate of the optimizer.",
    ),
    Curve(
        "Gradient norm",
        charts.Axis("norm", log=True),
        (("", "train", "grad_norm"),),
        "Norm of the gradient of all parameters before clipping, the mean over each "
        "log window.",
    ),
    Curve(
        "Throughput",
        charts.Axis("images per second", limits=(0, None)),
        (("", "train", "images_per_second"),),
        "Training images per second on all devices, without compilation, evaluation "
        "and saving.",
    ),
    Curve(
        "Input wait",
        SHARE,
        (("", "train", "input_wait"),),
        "Fraction of the time in which the devices waited for the next batch.",
        scale=100,
    ),
)
GENERATOR = Curve(
    "Photo scores",
    charts.Axis("PSNR [dB]"),
    (("", "eval", "psnr"),),
    "Peak signal-to-noise ratio of the generated photos.",
)


def draw_curves(records: Sequence[RunRecord]) -> list[Figure]:
    """Returns a list of the charts that have values in metrics.jsonl of any run.

    Args:
      records: The runs.
    """
    curves = [*CURVES, GENERATOR]
    if len(records) > 1:  # Each line of a chart is one run, always in the same color.
        curves = [one for curve in curves for one in _single(curve)]
    drawn = (_drawn(curve, records) for curve in curves)
    return [figure for figure in (*drawn, _terms(records)) if figure is not None]


def _single(curve: Curve) -> list[Curve]:
    """Returns a chart for each value of a chart."""
    if len(curve.values) == 1:
        return [curve]
    return [
        dataclasses.replace(
            curve,
            title=name[0].upper() + name[1:],
            values=[("", kind, value)],
            caption=f"{name[0].upper() + name[1:]} on the validation images.",
        )
        for name, kind, value in curve.values
    ]


def _drawn(curve: Curve, records: Sequence[RunRecord]) -> Figure | None:
    lines: dict[str, charts.Line] = {}
    for record in records:
        for name, kind, value in curve.values:
            points = record.series(value, kind=kind)
            label = record.name if len(records) > 1 else name
            steps, values = [step for step, _ in points], [v for _, v in points]
            lines[label] = charts.Line(steps, [curve.scale * v for v in values])
    return _figure(curve, lines)


def _figure(curve: Curve, lines: dict[str, charts.Line]) -> Figure | None:
    if not any(any(line.y) for line in lines.values()):
        return None  # Nothing was logged, or the score does not apply to the task.
    y = curve.y
    if y.log and any(value <= 0 for line in lines.values() for value in line.y):
        y = dataclasses.replace(y, log=False)
    chart = charts.Lines(lines, x=STEP, y=y, title=curve.title)
    return Figure(curve.title, charts.svg(chart, LAYOUT), curve.caption)


def _terms(records: Sequence[RunRecord]) -> Figure | None:
    """Draws the terms of the loss of a single run that has several."""
    if len(records) != 1:
        return None
    (record,) = records
    start = "loss/"
    names = {key: None for row in record.logged for key in row if key.startswith(start)}
    if len(names) < 2:
        return None
    values = [(name.removeprefix(start), "train", name) for name in names]
    title, caption = "Terms of the loss", "The terms before they are weighted."
    return _drawn(Curve(title, charts.Axis("loss", log=True), values, caption), records)
