"""Contains the functions that format table cells in the templates of the report."""

from __future__ import annotations

import math
from collections.abc import Callable

from jaxseg.report.formats import percentage, signed

STRONG = 0.55  # The opacity above which the text of a cell is white.


def sortable(value: float) -> str:
    """Formats a number by which the page sorts a table column; NaN becomes ""."""
    return "" if math.isnan(value) else f"{value:.6g}"


def trend(value: float) -> str:
    """Returns the CSS class of the change of a score between two runs.

    It is "up" for a gain, "down" for a loss, and "" if the change is NaN or rounds to
    0.00 percentage points.
    """
    shown = 0 if math.isnan(value) else round(100 * value, 2)
    return "up" if shown > 0 else "down" if shown < 0 else ""


def bar(value: float) -> str:
    """Formats a fraction in percent, without the sign "%", such as "12.5"."""
    return "0" if math.isnan(value) else f"{100 * value:.1f}"


def cell(share: float) -> str:
    """Formats a fraction for a cell of a confusion matrix, in percent.

    >>> cell(0.934), cell(0.0042), cell(0.00001), cell(0)
    ('93', '0.4', '0', '')
    """
    if not share:
        return ""
    shown = f"{100 * share:.1f}"
    if share < 0.0995:  # From here on, one decimal would round to 10.0.
        return "0" if shown == "0.0" else shown
    return f"{100 * share:.0f}"


class Attributes(str):
    """A string of HTML attributes, which templates insert without escaping it."""

    def __html__(self) -> str:
        return self


def shade(share: float, own: bool) -> Attributes:
    """Returns the HTML attributes that color a cell of a confusion matrix.

    Args:
      share: The number in the cell, as a fraction of the sum of its row.
      own: Whether the cell is on the diagonal.
    """
    opacity = math.sqrt(share)
    names = [name for name, on in (("own", own), ("strong", opacity > STRONG)) if on]
    text = f' class="{" ".join(names)}"' if names else ""
    if round(opacity, 2):
        text += f' style="--v:{opacity:.2f}"'
    return Attributes(text)


FUNCTIONS: dict[str, Callable] = {
    "pct": percentage,
    "points": signed,
    "sortable": sortable,
    "trend": trend,
    "bar": bar,
    "cell": cell,
    "shade": shade,
}
