"""Converts the comparison of a network with its import to JSON values."""

from __future__ import annotations

import dataclasses
from typing import Any

from jaxseg.bench.compare.comparison import Comparison


def record(found: Comparison) -> dict[str, Any]:
    """Returns a comparison of two networks as a dictionary that JSON can store."""
    pair, speed = found.pair, found.speed
    return {
        "checkpoint": pair.conversion.address,
        "imported": pair.imported or None,
        "library": pair.library,
        "network": pair.conversion.network.config.model.title,
        "num_classes": pair.conversion.network.num_classes,
        "passed": found.passed,
        "tolerance": found.tolerance,
        "verdict": found.verdict,
        "changed_variables": list(found.changed),
        "layer": None if found.layer is None else dataclasses.asdict(found.layer),
        "images": [
            {
                "path": image.path,
                "size": list(image.theirs.shape),
                "note": image.note,
                "largest_difference": image.largest,
                "mean_difference": image.mean,
                "relative_difference": image.relative,
                "equal_labels": image.equal,
                "preprocessing": {
                    name: dataclasses.asdict(effect)
                    for name, effect in image.effects.items()
                },
            }
            for image in found.images
        ],
        "preprocessing": {
            "stated_by": found.theirs.place,
            "steps": [
                {"name": step.name, "library": step.theirs, "jaxseg": step.ours}
                for step in found.steps
            ],
        },
        "speed": None
        if speed is None
        else {
            **dataclasses.asdict(speed),
            "ratio": speed.ratio,
        },
    }
