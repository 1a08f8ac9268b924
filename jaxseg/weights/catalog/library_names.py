"""Gives the parameters of a network the names that another library uses.

The option `--export-names` of `jaxseg convert` selects the library.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from jaxseg.config import ModelConfig
from jaxseg.text import near
from jaxseg.weights.catalog.detection import SOURCES, detect
from jaxseg.weights.catalog.sources import Source
from jaxseg.weights.translate.convert import to_torch


def libraries() -> tuple[str, ...]:
    """Returns the names of the libraries whose whole networks can be imported."""
    return tuple(dict.fromkeys(row.library for row in SOURCES if row.networks))


def check_library(library: str) -> None:
    """Raises ValueError unless the library is one of `libraries()`."""
    if library not in libraries():
        close = near(library, libraries())
        raise ValueError(f"export_names={library!r} is invalid{close}")


def named_by(library: str, model: ModelConfig, variables: Any) -> dict[str, np.ndarray]:
    """Converts variables to a state dict with the parameter names of another library.

    A library can have several kinds of checkpoints for the network. A kind fits if its
    import table names every variable and if the importer recognizes the resulting names
    as this kind. Of the kinds that fit, the function uses the one whose options differ
    least from those of the network.

    Args:
      library: One of `libraries()`.
      model: The name and the options of the network in jaxseg.
      variables: The variables of the network.

    Returns:
      The PyTorch state dict.

    Raises:
      ValueError: If the library is unknown, or if it does not have the network.
    """
    check_library(library)
    for source in _candidates(library, model):
        try:
            state = to_torch(variables, source.rules)
        except ValueError:  # The table is for another backbone.
            continue
        if detect(state) is source:
            return state
    raise ValueError(
        f"export_names={library!r} is invalid: expected a library that has the network "
        f"{model.title} with these options. `jaxseg convert --list` lists the networks "
        "of each library."
    )


def _candidates(library: str, model: ModelConfig) -> list[Source]:
    """Returns the kinds of checkpoints with the network, the most similar first."""
    options, wanted = model.options, (model.name, model.backbone)

    def difference(source: Source) -> tuple[int, int]:
        row = source.network(model.name, options, model.backbone)
        equal = sum(options.get(name) == value for name, value in row.options)
        return len(row.options) - equal, -equal

    rows = (row for row in SOURCES if row.library == library)
    found = [
        row for row in rows if wanted in [(n.name, n.backbone) for n in row.networks]
    ]
    return sorted(found, key=difference)
