"""Imports the user's Python module that registers builders of tensorflow_datasets."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.util
import os
import pathlib
import sys
from collections.abc import Iterator
from types import ModuleType

from jaxseg.config.stored_code import refuse_marked
from jaxseg.text import printable


def load_module(name: str) -> ModuleType:
    """Imports the module of the option `data.module`, and returns it.

    A module is imported once per process.

    The import defines builder classes, which tensorflow_datasets then registers.

    Args:
      name: The dotted name of a module that is installed or in the current folder, or
        the path of a file that ends in `.py`.

    Raises:
      ValueError: If the module does not exist or cannot be imported, or if a run
        directory names it and the user does not.
    """
    refuse_marked("module", name)
    if name.endswith(".py") or os.sep in name:
        return _load_file(name)
    return _load_named(name)


@contextlib.contextmanager
def _naming_option(name: str) -> Iterator[None]:
    """Names the option in the errors of the user's code, which can be of any kind."""
    try:
        yield
    except Exception as error:
        why = printable(f"{type(error).__name__}: {error}".splitlines()[0])
        raise ValueError(
            f"data.module={name!r} is invalid: expected a module that can be imported, "
            f"but it raises {why.rstrip('.')}. Correct the module."
        ) from error


def _load_named(name: str) -> ModuleType:
    if name in sys.modules:
        return sys.modules[name]
    here = os.getcwd()
    added = here not in sys.path
    if added:
        sys.path.append(here)
    try:
        importlib.invalidate_caches()
        with _naming_option(name):
            return importlib.import_module(name)
    except ValueError as error:
        cause = error.__cause__
        missing = cause.name if isinstance(cause, ModuleNotFoundError) else None
        if missing is None or not f"{name}.".startswith(f"{missing}."):
            raise
        raise ValueError(
            f"data.module={name!r} is invalid: expected an installed module, a module "
            f"of the current folder {here}, or the path of a file that ends in .py."
        ) from error
    finally:
        if added:
            sys.path.remove(here)


def _load_file(name: str) -> ModuleType:
    path = pathlib.Path(name).expanduser().resolve()
    if not path.is_file():
        raise ValueError(
            f"data.module={name!r} is invalid: expected a file that exists, or the "
            "name of a module. Correct the path."
        )
    for loaded in list(sys.modules.values()):
        # A second import would register the builders twice, which is an error.
        if getattr(loaded, "__dict__", {}).get("__file__") == str(path):
            return loaded
    # Two files may have one name, so the path is a part of the module's name.
    digest = hashlib.sha256(str(path).encode()).hexdigest()[:8]
    full = f"{path.stem}_{digest}"
    spec = importlib.util.spec_from_file_location(full, path)
    if spec is None or spec.loader is None:
        raise ValueError(
            f"data.module={name!r} is invalid: expected a Python file whose name ends "
            "in .py."
        )
    module = importlib.util.module_from_spec(spec)
    sys.modules[full] = module
    try:
        with _naming_option(name):
            spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[full]
        raise
    return module
