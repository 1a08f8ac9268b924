"""Lists the file formats of `jaxseg export`.

Each format is implemented by a module of this folder, whose function `write` writes a
file and whose function `load` opens it to run it. They import the packages of the
format only when they are called, because few users have all of them.
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
from jaxseg.text import did_you_mean

Runner = Callable[[np.ndarray], np.ndarray]


@dataclasses.dataclass(frozen=True)
class Format:
    """Describes a file format to which programs are exported.

    Its module has two functions. `write(program, header, path)` writes a file that
    contains the program and the header, a dictionary that is stored as JSON.
    `load(path)` returns a pair: a function from images to results, which uses the
    runtime of the format, such as ONNX Runtime, and the header.

    Attributes:
      title: The name of the format in messages.
      module: The module with the functions `write` and `load`.
      packages: The Python modules that must be installed.
      install: The command that installs these modules.
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
        """Writes a program to a file of this format.

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
        """Opens a file in the runtime of this format, such as ONNX Runtime.

        Args:
          path: The file that `write` has written.

        Returns:
          A function from images [B, H, W, C] to classes or probabilities, and the
          header.
        """
        return importlib.import_module(self.module).load(path)

    def check_packages(self) -> None:
        """Raises ValueError if a required package is not installed.

        The message contains the command that installs it.
        """
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
    """Returns the format that belongs to the suffix of a file name.

    Args:
      path: The file to write or to read.

    Raises:
      ValueError: If no format has this suffix.
    """
    if path.suffix not in FORMATS:
        raise ValueError(
            f"output={str(path)!r} is invalid: expected a file name that ends in "
            f"{', '.join(FORMATS)}.{did_you_mean(path.suffix, FORMATS)}"
        )
    return FORMATS[path.suffix]


def _installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # A package that should contain the module is missing.
        return False
