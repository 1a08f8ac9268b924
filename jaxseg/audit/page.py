"""Formats the result of a data check as one HTML page with embedded pictures."""

from __future__ import annotations

import importlib.resources
import io
from typing import Any

import numpy as np
from PIL import Image

from jaxseg.audit.check import Audit
from jaxseg.audit.kinds import KINDS
from jaxseg.audit.label_overlay import label_overlay
from jaxseg.audit.record import Sample
from jaxseg.data.spec import DatasetSpec
from jaxseg.viz import enlarge, page

SHOWN = 20  # The page shows at most this many findings of a kind.
_GAP = 4  # White pixels between an image and its overlay.


def render(audit: Audit, *, command: str) -> str:
    """Returns the text of an HTML page with findings, statistics and pictures.

    Args:
      audit: The result of a check.
      command: The command that ran the check.
    """
    return page.render(
        importlib.resources.files("jaxseg.audit") / "templates",
        "check.html",
        audit=audit,
        command=command,
        groups=_groups(audit),
        splits=[_split(name, values) for name, values in audit.splits.items()],
        sheets={
            split: [(name, picture(s, audit.spec)) for name, s in samples]
            for split, samples in audit.samples.items()
        },
        colors=_colors(audit.spec),
    )


def _groups(audit: Audit) -> list[dict[str, Any]]:
    """Groups the findings by kind."""
    groups = []
    for name, kind in KINDS.items():
        found = [finding for finding in audit.findings if finding.kind == name]
        if found:
            groups.append(
                {
                    "name": name,
                    "level": kind.level,
                    "title": kind.title,
                    "count": len(found),
                    "shown": found[:SHOWN],
                }
            )
    return groups


def _split(name: str, values: dict[str, Any]) -> dict[str, Any]:
    largest = max((c["frequency"] for c in values["classes"]), default=0) or 1
    bars = [100 * c["frequency"] / largest for c in values["classes"]]
    return {"name": name, "bars": bars, **values}


def _colors(spec: DatasetSpec | None) -> dict[str, tuple[int, int, int]]:
    """Returns the color of each class by its name."""
    return {} if spec is None else dict(zip(spec.classes, spec.palette, strict=True))


def picture(sample: Sample, spec: DatasetSpec | None) -> bytes:
    """Returns a JPEG file that shows an image, and next to it the image with its label.

    Args:
      sample: The image and its label. Without a label the image is shown alone.
      spec: The classes, whose colors are drawn over the image.

    Returns:
      The bytes of the file.
    """
    parts = [sample.image]
    if sample.label is not None and spec is not None:
        parts.append(label_overlay(sample.image, sample.label, spec))
    first, *others = map(enlarge, parts)
    gap = np.full((first.shape[0], _GAP, 3), 255, np.uint8)
    for other in others:
        first = np.concatenate([first, gap, other], axis=1)
    buffer = io.BytesIO()
    Image.fromarray(first).save(buffer, "JPEG", quality=88)
    return buffer.getvalue()
