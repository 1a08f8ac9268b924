"""Formats the result of a data check as one HTML page with embedded pictures."""

from __future__ import annotations

import base64
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
from jaxseg.text import as_message

SHOWN = 20  # The page shows at most this many findings of a kind.
_GAP = 4  # White pixels between an image and its overlay.


def render(audit: Audit, *, command: str) -> str:
    """Returns the HTML page with the findings, the statistics and the pictures.

    Args:
      audit: The result of a check.
      command: The command that ran the check.
    """
    import jinja2

    files = importlib.resources.files("jaxseg.audit")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    environment.filters["percent"] = _percent
    environment.filters["plain"] = as_message
    template = environment.from_string((files / "page.html").read_text("utf-8"))
    return template.render(
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


def _colors(spec: DatasetSpec | None) -> dict[str, str]:
    """Returns the color of each class for style sheets."""
    if spec is None:
        return {}
    colors = zip(spec.classes, spec.palette, strict=True)
    return {name: "#{:02x}{:02x}{:02x}".format(*color) for name, color in colors}


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"


def picture(sample: Sample, spec: DatasetSpec | None) -> str:
    """Returns an image with its label drawn over it, as the HTML data URL of a JPEG.

    Args:
      sample: The image and its label. Without a label the image is shown alone.
      spec: The classes.
    """
    parts = [sample.image]
    if sample.label is not None and spec is not None:
        gap = np.full((sample.image.shape[0], _GAP, 3), 255, np.uint8)
        parts += [gap, label_overlay(sample.image, sample.label, spec)]
    buffer = io.BytesIO()
    Image.fromarray(np.concatenate(parts, axis=1)).save(buffer, "JPEG", quality=88)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
