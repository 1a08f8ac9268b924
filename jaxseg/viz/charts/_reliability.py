"""Draws reliability diagrams: the accuracy of predictions over their confidence."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from jaxseg.viz.charts.axis import Axis, set_axes
from jaxseg.viz.charts.style import BLUE, GRAY, GREEN, INK, VERMILION

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclasses.dataclass(frozen=True)
class Reliability:
    """A reliability diagram of predictions in n bins of equal width.

    For each bin, a blue bar ends at the accuracy. A hatched bar extends from the
    accuracy to the mean confidence. It is vermilion if the predictions are too
    confident, and green if they are not confident enough. Gray bars below show the
    fraction of the predictions in each bin.

    Attributes:
      bins: The number of predictions, their accuracy and their mean confidence in each
        bin, [n, 3].
      title: The title.
    """

    bins: np.ndarray
    title: str = ""

    def __post_init__(self):
        if np.ndim(self.bins) != 2 or np.shape(self.bins)[1] != 3:
            raise ValueError(
                f"bins.shape={np.shape(self.bins)} is invalid: expected [n, 3], with "
                "the count, the accuracy and the mean confidence of each bin."
            )

    def draw(self, axes: Axes) -> None:
        """Draws the chart into axes of matplotlib."""
        counts, accuracy, confidence = np.asarray(self.bins, float).T
        step = 1 / len(counts)
        centers = (np.arange(len(counts)) + 0.5) * step
        full = counts > 0
        wide = {"width": 0.9 * step, "linewidth": 0}
        axes.bar(centers[full], accuracy[full], color=BLUE, label="accuracy", **wide)
        for name, chosen, shade in (
            ("too confident", full & (confidence > accuracy), VERMILION),
            ("not confident enough", full & (confidence <= accuracy), GREEN),
        ):
            if not chosen.any():
                continue
            low = np.minimum(accuracy, confidence)[chosen]
            gap = np.abs(accuracy - confidence)[chosen]
            hatched = {"hatch": "////", "edgecolor": "white", "alpha": 0.85}
            axes.bar(
                centers[chosen],
                gap,
                bottom=low,
                color=shade,
                label=name,
                **wide,
                **hatched,
            )
        axes.plot((0, 1), (0, 1), color=INK, linewidth=1, linestyle="--")
        unit = {"limits": (0, 1)}
        set_axes(axes, x=Axis(**unit), y=Axis("accuracy", **unit), title=self.title)
        axes.set_aspect("equal")
        axes.tick_params(labelbottom=False)
        below = axes.inset_axes((0, -0.27, 1, 0.2), sharex=axes)
        share = counts / max(counts.sum(), 1)
        below.bar(centers, share, width=0.9 * step, color=GRAY)
        set_axes(
            below,
            x=Axis("confidence", **unit),
            y=Axis("fraction", limits=(0, None)),
        )
