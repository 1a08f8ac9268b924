"""Draws charts with matplotlib in one style, as PNG or SVG files.

A chart is a frozen dataclass with its data and axes. `png` and `svg` encode one chart
or several:

    loss = charts.Lines(
        {"train": charts.Line(steps, losses)},
        x=charts.Axis("step"),
        y=charts.Axis("loss [nat]", log=True),
    )
    content = charts.svg([loss, scores], charts.Layout(columns=2))

`figure` returns the figure of matplotlib. matplotlib is imported when a chart is drawn,
without `pyplot`. The same chart gives the same bytes.
"""

from jaxseg.viz.charts._bars import Bars as Bars
from jaxseg.viz.charts._bars import Dots as Dots
from jaxseg.viz.charts._figure import Chart as Chart
from jaxseg.viz.charts._figure import Layout as Layout
from jaxseg.viz.charts._figure import figure as figure
from jaxseg.viz.charts._figure import pixels as pixels
from jaxseg.viz.charts._figure import png as png
from jaxseg.viz.charts._figure import svg as svg
from jaxseg.viz.charts._heat_map import HeatMap as HeatMap
from jaxseg.viz.charts._histogram import Histogram as Histogram
from jaxseg.viz.charts._lines import Line as Line
from jaxseg.viz.charts._lines import Lines as Lines
from jaxseg.viz.charts._lines import mean_line as mean_line
from jaxseg.viz.charts._picture import Picture as Picture
from jaxseg.viz.charts._reliability import Reliability as Reliability
from jaxseg.viz.charts._scatter import Points as Points
from jaxseg.viz.charts._scatter import Scatter as Scatter
from jaxseg.viz.charts._scatter import pareto_front as pareto_front
from jaxseg.viz.charts.axis import Axis as Axis
from jaxseg.viz.charts.axis import number as number
from jaxseg.viz.charts.style import color as color
