"""Finds for each command the dataclass that defines its options."""

from __future__ import annotations

import importlib
from typing import Any

from jaxseg.cli.main import COMMANDS


def command_forms() -> dict[str, Any]:
    """Returns the dataclass that defines the options of each command, by its name.

    An example of a name is "data check".

    It imports the modules of all commands.
    """
    found = {}
    for name, (module, _) in COMMANDS.items():
        loaded = importlib.import_module(module)
        if hasattr(loaded, "forms"):
            found |= {f"{name} {tool}": form for tool, form in loaded.forms().items()}
        else:
            found[name] = loaded.Arguments
    return found
