"""Defines how all charts look: colors, markers, and the settings of matplotlib.

The colors are those of Okabe and Ito ("Color Universal Design", 2008), which readers
with any form of color blindness tell apart. Markers and line styles differ as well, so
that a chart can be read in gray.
"""

from __future__ import annotations

BLUE, VERMILION, GREEN, ORANGE = "#0072b2", "#d55e00", "#009e73", "#e69f00"
PURPLE, SKY, INK, YELLOW = "#cc79a7", "#56b4e9", "#1c1f23", "#f0e442"
COLORS = (BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY, INK, YELLOW)
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
LINE_STYLES = ("-", "--", ":", "-.")
GRAY, PALE = "#6b7280", "#e3e6ea"
SCALE = "viridis"  # The colors of heat maps, ordered by brightness.

# Settings of matplotlib that differ from its defaults.
STYLE = {
    "axes.axisbelow": True,
    "axes.edgecolor": GRAY,
    "axes.formatter.limits": (-4, 6),
    "axes.formatter.useoffset": False,
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.labelsize": 10,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "figure.dpi": 144,
    "figure.titlesize": 12,
    "figure.titleweight": "bold",
    "font.family": "DejaVu Sans",  # matplotlib contains this font.
    "font.size": 10,
    "grid.color": PALE,
    "grid.linewidth": 0.8,
    "image.cmap": SCALE,
    "image.interpolation": "nearest",
    "legend.fontsize": 9,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "lines.markersize": 5,
    "svg.fonttype": "path",
    "svg.hashsalt": "jaxseg",  # Identifiers in SVG files are the same in every run.
    "text.color": INK,
    "text.parse_math": False,  # A dollar in the name of a class is a dollar.
    "xtick.color": GRAY,
    "xtick.labelcolor": INK,
    "xtick.labelsize": 9,
    "ytick.color": GRAY,
    "ytick.labelcolor": INK,
    "ytick.labelsize": 9,
}


def color(place: int) -> str:
    """Returns the color of the series with this number in a chart, counted from 0."""
    return COLORS[place % len(COLORS)]


def marker(place: int) -> str:
    """Returns the marker of the series with this number in a chart, counted from 0."""
    return MARKERS[place % len(MARKERS)]


def line_style(place: int) -> str:
    """Returns the line style of the series with this number in a chart, from 0.

    The first 8 series have one style, the next 8 another one, and so on.
    """
    return LINE_STYLES[place // len(COLORS) % len(LINE_STYLES)]
