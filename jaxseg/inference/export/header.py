"""Describes an exported file, so that it can be used without jaxseg."""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import zipfile
from pathlib import Path
from typing import Any

from jaxseg.inference.export.program import Program

MEMBER = "header.json"  # The member of the ZIP archive that contains the header.
FORM = 1  # Increase this number if a field changes its meaning.


def describe(program: Program, *, network: str = "", step: int | None = None) -> dict:
    """Returns the header of an exported file, a dictionary that can be stored as JSON.

    Args:
      program: The program in the file.
      network: The name of the network, for human readers of the header.
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


def append_header(path: Path, header: dict[str, Any]) -> None:
    """Appends a header to a file as a ZIP archive, which the runtime ignores.

    Args:
      path: The file, which becomes a ZIP archive with the header as its only member.
      header: The header, from `describe`.
    """
    with zipfile.ZipFile(path, "a") as archive:
        write_header(archive, header)


def write_header(archive: zipfile.ZipFile, header: dict[str, Any]) -> None:
    """Writes a header to an open ZIP archive."""
    archive.writestr(MEMBER, json.dumps(header, indent=1))


def read_header(path: Path) -> dict[str, Any]:
    """Returns the header of an exported file with a ZIP archive, as a dictionary."""
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read(MEMBER))
