"""Writes the folder of a web page that segments images in the browser."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any

from jaxseg.inference.export.program import Program

_FILES = ("index.html", "style.css", "page.js", "png.js", "network.js", "README.txt")
NETWORK = "network.onnx"


def check(program: Program) -> None:
    """Checks that a web page can read the images and show the classes of a program.

    Args:
      program: The program that the page will run.

    Raises:
      ValueError: If browsers cannot read images of the program's type, or a mask
        cannot show its classes.
    """
    spec = program.network.output_spec
    if not spec.is_rgb8:
        raise ValueError(
            f"web is invalid for images of {spec.channels} channels of type "
            f"{spec.image_type}: expected 8-bit RGB images, which browsers "
            "can read. Export to a file with --output instead."
        )
    if spec.multilabel or spec.num_classes > 256:
        raise ValueError(
            "web is invalid for this network: expected one class per pixel, and at "
            "most 256 classes. Export to a file with --output instead."
        )


def write(folder: Path, header: dict[str, Any], runtime: dict[str, bytes]) -> None:
    """Writes all files of a web page except the ONNX file of the network.

    The page expects the ONNX file in the same folder, with the name `NETWORK`.

    Args:
      folder: The folder of the page.
      header: The description of the program, from `header.describe`.
      runtime: The content of each file of onnxruntime-web, as `runtime.files` returns
        it.
    """
    page = resources.files("jaxseg.inference.export.web") / "page"
    for name in _FILES:
        (folder / name).write_text((page / name).read_text("utf-8"), "utf-8")
    (folder / "header.json").write_text(json.dumps(header, indent=1), "utf-8")
    (folder / "runtime").mkdir()
    for name, content in runtime.items():
        (folder / "runtime" / name).write_bytes(content)
