"""Imports the user's own network, which the option --callable names."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

from jaxseg.text import near, printable

EXPECTED = "expected MODULE:NAME or FILE.py:NAME"


def load_callable(text: str) -> Any:
    """Imports the network or the function that the option --callable names.

    Modules are found in the working directory as well. If the name stands for a
    function without required arguments, the function is called, and its result is
    returned.

    Args:
      text: MODULE:NAME or FILE.py:NAME.

    Raises:
      ValueError: If the text is not MODULE:NAME or FILE.py:NAME, the module cannot be
        imported, or it does not define NAME.
    """
    place, colon, name = text.rpartition(":")
    if not (place and colon and name):
        raise ValueError(f"callable={text!r} is invalid: {EXPECTED}.")
    try:
        module = _file(Path(place)) if place.endswith(".py") else _module(place)
    except (Exception, SystemExit) as error:
        why = printable(f"{type(error).__name__}: {error}")
        raise ValueError(
            f"callable={text!r} is invalid: {EXPECTED}, but importing {place} fails "
            f"({why})."
        ) from error
    found = vars(module).get(name)
    if found is None:
        names = [key for key in vars(module) if not key.startswith("_")]
        raise ValueError(f"callable={text!r} is invalid{near(name, names)}")
    return found() if _makes_network(found) else found


def _file(path: Path) -> ModuleType:
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    name = f"jaxseg_callable_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or not isinstance(spec.loader, SourceFileLoader):
        raise ImportError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # Dataclasses and pickles look their module up.
    spec.loader.exec_module(module)
    return module


def _module(name: str) -> ModuleType:
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    return importlib.import_module(name)


def _makes_network(found: Any) -> bool:
    """Returns whether an object is a function or class without required arguments."""
    if not (inspect.isfunction(found) or inspect.isclass(found)):
        return False
    parameters = inspect.signature(found).parameters.values()
    optional = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return all(
        p.default is not inspect.Parameter.empty or p.kind in optional
        for p in parameters
    )
