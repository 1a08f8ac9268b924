"""Describes an exported file, so that it can be used without jaxseg."""

from __future__ import annotations

import datetime
import importlib.metadata
from typing import Any

from jaxseg.inference.export.program import Program

FORM = 1  # Increase this number if a field changes its meaning.


def describe(program: Program, *, network: str = "", step: int | None = None) -> dict:
    """Returns the header of an exported file, a dictionary that can be stored as JSON.

    Args:
      program: The program in the file.
      network: The name of the network, which only informs readers of the header.
      step: The training step of the checkpoint, or None if it is not known.
    """
    spec, shown = program.network.spec, program.network.output_spec
    height, width = program.size or (None, None)
    shape = [program.batch, height, width]
    deep = program.output == "probabilities" or spec.multilabel
    return {
        "header": FORM,
        "network": network,
        "step": step,
        "written": datetime.date.today().isoformat(),
        "versions": _versions(),
        "classes": list(shown.classes),
        "palette": [list(color) for color in shown.palette],
        "input": {
            "name": "image",
            "type": program.input_type.name,
            "shape": [*shape, program.channels],
            "axes": ["batch", "height", "width", "channel"],
            "range": list(spec.value_range),
            "mean": list(spec.mean),
            "std": list(spec.std),
            "note": (
                "Pass pixels as stored. The program maps the range to [0, 1], "
                "subtracts the mean and divides by the deviation itself. null marks "
                "a dimension of any length."
            ),
        },
        "output": {
            "name": program.output,
            "type": program.output_type.name,
            "shape": [*shape, shown.num_classes] if deep else shape,
            "overlapping": spec.multilabel,
        },
        "multiple": program.multiple,
    }


def _versions() -> dict[str, Any]:
    return {name: importlib.metadata.version(name) for name in ("jaxseg", "jax")}
