"""Lists the file formats of `jaxseg export`, each with a writer and a runner.

A format is one module of this folder with the functions `write` and `load`. They import
the packages of the format when they are called, because few users have all of them.
"""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from jaxseg.inference.export.program import Program

Runner = Callable[[np.ndarray], np.ndarray]


@dataclasses.dataclass(frozen=True)
class Format:
    """Describes a file format.

    Its module has two functions. `write(program, header, path)` writes a file with the
    header, a dictionary for JSON. `load(path)` returns a function from images to
    results, which runs in the format's own runtime, and the header.

    Attributes:
      title: The name of the format for readers.
      module: The module with the functions `write` and `load`.
      packages: The modules that must be installed.
      install: The command that installs them.
      any_size: Whether one file can take images of any size.
      any_batch: Whether one file can take any number of images.
    """

    title: str
    module: str
    packages: tuple[str, ...]
    install: str
    any_size: bool = False
    any_batch: bool = False

    def write(self, program: Program, header: dict[str, Any], path: Path) -> None:
        """Writes a file.

        Args:
          program: What the file computes.
          header: The description of the program, from `header.describe`.
          path: The file to write.

        Raises:
          ValueError: If the format cannot represent the network. The message names the
            operation that it lacks.
        """
        importlib.import_module(self.module).write(program, header, path)

    def load(self, path: Path) -> tuple[Runner, dict[str, Any]]:
        """Opens a file in the format's own runtime.

        Args:
          path: The file that `write` has written.

        Returns:
          A function from images [B, H, W, C] to results, and the header.
        """
        return importlib.import_module(self.module).load(path)

    def check_packages(self) -> None:
        """Raises ValueError with the install command if a package is missing."""
        missing = [name for name in self.packages if not _installed(name)]
        if missing:
            raise ValueError(
                f"{self.title} files need packages that are not installed: "
                f"{', '.join(missing)}. Install them with: {self.install}"
            )


FORMATS = {
    ".stablehlo": Format(
        "StableHLO",
        module="jaxseg.inference.export.stablehlo",
        packages=("flatbuffers",),
        install="pip install 'jaxseg[export]'",
        any_size=True,
        any_batch=True,
    ),
    ".onnx": Format(
        "ONNX",
        module="jaxseg.inference.export.onnx",
        packages=("onnx", "onnxruntime"),
        install="pip install 'jaxseg[onnx]'",
        any_size=True,
        any_batch=True,
    ),
    ".tflite": Format(
        "TensorFlow Lite",
        module="jaxseg.inference.export.tflite",
        packages=("tensorflow", "ai_edge_litert"),
        install="pip install 'jaxseg[tflite]'",
    ),
    ".vmfb": Format(
        "IREE",
        module="jaxseg.inference.export.iree",
        packages=("iree.compiler", "iree.runtime"),
        install="pip install 'jaxseg[iree]'",
    ),
}


def format_of(path: Path) -> Format:
    """Returns the format that the suffix of a file selects.

    Args:
      path: The file to write or to read.

    Raises:
      ValueError: If no format has this suffix.
    """
    if path.suffix not in FORMATS:
        raise ValueError(
            f"output={str(path)!r} is invalid: expected a file name that ends in "
            f"{', '.join(FORMATS)}."
        )
    return FORMATS[path.suffix]


def _installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # A package that should contain the module is missing.
        return False
