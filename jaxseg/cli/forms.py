"""Finds for each command the dataclass that defines its options."""

from __future__ import annotations

import importlib
from typing import Any

from jaxseg.cli.main import COMMANDS


def command_forms() -> dict[str, Any]:
    """Returns a dictionary from each command to the dataclass that defines its options.

    A key is the name of a command, such as "train" or "data check". The call imports
    the modules of all commands.
    """
    found = {}
    for name, (module, _) in COMMANDS.items():
        loaded = importlib.import_module(module)
        if hasattr(loaded, "forms"):
            found |= {f"{name} {tool}": form for tool, form in loaded.forms().items()}
        else:
            found[name] = loaded.Arguments
    return found
