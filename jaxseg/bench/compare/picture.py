"""Draws the masks of a network and of its import, and where their logits differ."""

from __future__ import annotations

import io

import numpy as np

from jaxseg import viz
from jaxseg.bench.compare.comparison import Comparison, ImageComparison
from jaxseg.data.spec import generated_palette

_FLOOR = 1e-9  # Smaller differences have the color of equal logits.
_NAMED = 8  # The largest number of classes in the legend.
_BINARY = ("background", "object")
_HEIGHT = 3.2  # The height of a part in inches.


def picture(found: Comparison, image: ImageComparison) -> bytes:
    """Draws an image, the masks of a network and its import, and how the logits differ.

    Args:
      found: The comparison of both networks.
      image: One image of the comparison.

    Returns:
      The bytes of a PNG file with the four pictures in one row.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.colors import ListedColormap, LogNorm
    from matplotlib.figure import Figure

    height, width = image.theirs.shape
    figure = Figure(
        figsize=(4 * _HEIGHT * min(max(width / height, 0.6), 2) + 1.2, _HEIGHT + 0.8),
        layout="constrained",
    )
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, 4)
    spec = found.pair.spec
    shown = viz.as_rgb(image.pixels, spec.value_range)
    palette = spec.palette if spec.num_classes > 1 else generated_palette(2)
    parts = {
        "image": shown,
        f"mask of {found.pair.library}": viz.overlay(shown, image.theirs, palette),
        "mask of jaxseg": viz.overlay(shown, image.ours, palette),
    }
    for axis, (title, part) in zip(axes, parts.items(), strict=False):
        axis.imshow(part, interpolation="nearest")
        axis.set_title(_short(title), fontsize=10)
    low, high = _FLOOR, max(float(np.nanmax(image.differences)), 1e-4)
    drawn = axes[3].imshow(
        np.maximum(image.differences, low),
        norm=LogNorm(low, high),
        cmap="viridis",
        interpolation="nearest",
    )
    other = np.ma.masked_equal(image.theirs != image.ours, False)
    axes[3].imshow(other, cmap=ListedColormap(["#d00000"]), interpolation="nearest")
    axes[3].set_title("difference of the logits (red: other class)", fontsize=10)
    figure.colorbar(drawn, ax=axes[3], shrink=0.85)
    for axis in axes:
        axis.set_xticks([])
        axis.set_yticks([])
    _add_legend(figure, found, image, palette)
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=110)
    return file.getvalue()


def _add_legend(figure, found: Comparison, image: ImageComparison, palette) -> None:
    """Names the classes that cover most pixels of the two masks."""
    from matplotlib.patches import Patch

    labels, counts = np.unique([image.theirs, image.ours], return_counts=True)
    names = found.pair.spec.classes if found.pair.spec.num_classes > 1 else _BINARY
    handles = [
        Patch(color=np.array(palette[k]) / 255, label=names[k])
        for k in labels[np.argsort(-counts)][:_NAMED]
    ]
    figure.legend(
        handles=handles,
        loc="outside lower left",
        ncols=_NAMED,
        fontsize=9,
        frameon=False,
        title=f"The {_NAMED} largest classes" if len(labels) > _NAMED else None,
        title_fontsize=9,
        alignment="left",
    )


def _short(title: str) -> str:
    return title.replace("segmentation_models_pytorch", "smp")
