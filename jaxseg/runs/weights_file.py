"""Writes converted weights to a file, with parameter names of jaxseg or PyTorch."""

from __future__ import annotations

import pathlib

import numpy as np

from jaxseg import weights
from jaxseg.runs.conversion import Conversion
from jaxseg.weights.catalog.library_names import named_by
from jaxseg.weights.loading import Imported
from jaxseg.weights.translate.convert import flatten


def write_file(conversion: Conversion, output: pathlib.Path, library: str = "") -> None:
    """Writes converted weights to a file, with parameter names of jaxseg or PyTorch.

    The file contains only the arrays, without a configuration.

    Args:
      conversion: The converted weights.
      output: The file, whose suffix states the format. `.pth` implies PyTorch names.
      library: The library whose parameter names are written, such as torchvision. By
        default, it is the library that the weights come from.

    Raises:
      ValueError: If PyTorch names are requested and no library is known.
    """
    variables = conversion.imported.variables
    if library:
        model = conversion.network.config.model
        arrays = named_by(library, model, variables)
    elif output.suffix in (".pth", ".pt"):
        arrays = weights.to_torch(variables, _rules(conversion.imported))
    else:
        arrays = {k: np.asarray(v) for k, v in flatten(variables).items()}
    weights.write(output, arrays)


def _rules(imported: Imported) -> weights.Rules:
    if imported.source is None:
        raise ValueError(
            "export_names='' is invalid for a .pth or .pt file: expected the library "
            "whose parameter names are written to the file, such as torchvision. Add "
            "--export-names LIBRARY."
        )
    return imported.source.rules
