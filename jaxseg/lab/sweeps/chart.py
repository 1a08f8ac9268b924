"""Draws a chart of the scores of a sweep: a dot for each configuration and seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from jaxseg.lab.sweeps.configs import Axis
from jaxseg.viz import charts

TITLES = {
    "mean_iou": "mean IoU",
    "fw_iou": "frequency-weighted IoU",
    "mean_f1": "mean F1",
}


def seeds_chart(
    scores: Mapping[str, Sequence[float]], axis: Axis | None, metric: str
) -> tuple[charts.Chart, charts.Layout]:
    """Returns a chart with a dot for the score of every run, and the chart's layout.

    A run trains one configuration with one seed. The layout contains the width and the
    height of the chart in inches.

    Args:
      scores: A dictionary from the name of each configuration to the scores of its
        seeds.
      axis: The label of the x axis and the position of each configuration on it. None
        draws one row of dots for each configuration.
      metric: The name of the score.
    """
    score = charts.Axis(TITLES.get(metric, metric.replace("_", " ")))
    if axis is None:
        dots = charts.Dots({"one seed": scores}, x=score)
        return dots, charts.Layout.of_rows(len(scores))
    label, places = axis
    seeds = charts.Points(
        [places[name] for name, values in scores.items() for _ in values],
        [value for values in scores.values() for value in values],
    )
    line = charts.mean_line([places[name] for name in scores], list(scores.values()))
    spread = np.subtract(line.high, line.y)
    means = charts.Points(line.x, line.y, tuple(scores), y_error=spread)
    series = {"one seed": seeds, "mean ± standard deviation": means}
    return charts.Scatter(series, x=charts.Axis(label), y=score), charts.Layout()
