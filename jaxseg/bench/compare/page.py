"""Renders the HTML page that compares a PyTorch network with its import in jaxseg."""

from __future__ import annotations

import importlib.resources
from collections.abc import Sequence
from pathlib import Path

from jaxseg.bench.compare import text
from jaxseg.bench.compare.comparison import Comparison
from jaxseg.bench.pytorch import versions
from jaxseg.viz.page import render


def page(found: Comparison, pictures: Sequence[bytes]) -> str:
    """Returns the HTML page that compares a network with its import in jaxseg.

    Args:
      found: The comparison.
      pictures: The bytes of one PNG file for each image of the comparison.
    """
    worst = found.worst
    return render(
        importlib.resources.files("jaxseg.bench.compare") / "templates",
        "compare.html",
        checkpoint=Path(found.pair.conversion.address).name,
        passed=found.passed,
        verdict=found.verdict,
        library=found.pair.library,
        cards=[
            ("largest difference", f"{worst.relative:.1e}", "of the largest logit"),
            ("equal labels", text.shown_share(worst.equal), "in the worst image"),
            *_speed(found),
        ],
        facts=text.facts(found).rows,
        logits=text.logits(found),
        preprocessing=text.preprocessing(found),
        notes=text.notes(found),
        speed=[] if found.speed is None else found.speed.lines(),
        pictures=[
            (Path(image.path).name, content)
            for image, content in zip(found.images, pictures, strict=True)
        ],
        versions=", ".join(f"{name} {value}" for name, value in versions().items()),
    )


def _speed(found: Comparison) -> list[tuple[str, str, str]]:
    if found.speed is None:
        return []
    return [("time of jaxseg", f"{found.speed.ratio:.2f}", "of PyTorch's time")]
