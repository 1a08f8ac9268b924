"""Writes the comparison of a network with its import as tables of text.

The tables are printed and shown on the HTML page.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from jaxseg.bench.compare.comparison import ALL_STEPS, Comparison, Effect
from jaxseg.text import counted


@dataclasses.dataclass(frozen=True)
class Table:
    """Contains the names of columns and the cells of rows, as text."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def __str__(self) -> str:
        cells = [self.columns, *self.rows]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        return "\n".join(
            "  ".join(
                cell.ljust(width) for cell, width in zip(row, widths, strict=True)
            ).rstrip()
            for row in cells
        )


def facts(found: Comparison) -> Table:
    """Returns a `Table` that names the checkpoint, the network and the import."""
    pair = found.pair
    assumed = "; ".join(pair.conversion.network.assumed)
    rows = [
        ("checkpoint", pair.conversion.address),
        ("network", pair.title),
        ("import", _import(found)),
        *([("assumed", assumed)] if assumed else []),
    ]
    return Table(("", ""), rows)


def _import(found: Comparison) -> str:
    if not found.pair.imported:
        tensors = counted(found.pair.conversion.report.tensors, "tensor")
        return f"made for this comparison, {tensors}"
    if not found.changed:
        return f"{found.pair.imported}, whose weights equal those of the checkpoint"
    some = ", ".join(found.changed[:3]) + (", ..." if len(found.changed) > 3 else "")
    number = counted(len(found.changed), "variable")
    verb = "differs" if len(found.changed) == 1 else "differ"
    return f"{found.pair.imported}, in which {number} {verb}: {some}"


def logits(found: Comparison) -> Table:
    """Returns a `Table` that states how far the logits differ on each image.

    The logits of jaxseg are compared with those of PyTorch.
    """
    columns = (
        *("image", "size", "largest difference", "mean difference"),
        *("of the largest logit", "equal labels"),
    )
    rows = [
        (
            Path(image.path).name,
            "{} x {}".format(*image.theirs.shape),
            f"{image.largest:.1e}",
            f"{image.mean:.1e}",
            f"{image.relative:.1e}",
            shown_share(image.equal),
        )
        for image in found.images
    ]
    return Table(columns, rows)


def preprocessing(found: Comparison) -> Table:
    """Returns a `Table` of the preprocessing steps of a PyTorch library and of jaxseg.

    Its last column states how much each difference changes the prediction.
    """
    columns = (
        "preprocessing",
        found.pair.library,
        "jaxseg",
        "difference that it makes",
    )
    rows = [
        (step.name, step.theirs, step.ours, step.note or _effects(found, step.name))
        for step in found.steps
    ]
    total = _effects(found, ALL_STEPS)
    return Table(columns, [*rows, *([(ALL_STEPS, "", "", total)] if total else [])])


def notes(found: Comparison) -> list[str]:
    """Returns notes on the images and on the preprocessing, one sentence each.

    A note says how an image was resized or padded for the comparison. The last note
    names the source of the preprocessing of the PyTorch library.
    """
    texts = [f"{Path(i.path).name} was {i.note}." for i in found.images if i.note]
    texts.append(
        f"The preprocessing of {found.pair.library} is that of {found.theirs.place}."
    )
    return texts


def _effects(found: Comparison, name: str) -> str:
    """Describes the difference that a step makes, for the image where it is largest."""
    effects = [i.effects[name] for i in found.images if name in i.effects]
    if not effects:
        return ""
    worst: Effect = min(effects, key=lambda effect: effect.equal)
    return (
        f"{shown_share(worst.equal)} of labels equal, logits up to {worst.largest:.2g}"
    )


def shown_share(share: float) -> str:
    """Formats a share from 0 to 1 in percent; only exactly 1 is shown as 100 %.

    >>> shown_share(1.0), shown_share(0.999999), shown_share(0.5)
    ('100 %', '99.99 %', '50.00 %')
    """
    return "100 %" if share == 1 else f"{min(100 * share, 99.99):.2f} %"
