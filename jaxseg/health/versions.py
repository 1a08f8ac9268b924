"""Prints the versions for `jaxseg --version`, without importing JAX."""

from __future__ import annotations

import platform
from importlib import metadata

import jaxseg

PACKAGES = ("jax", "jaxlib", "flax")


def versions(packages: tuple[str, ...] = PACKAGES) -> dict[str, str | None]:
    """Returns the versions of jaxseg, of other packages and of Python.

    Args:
      packages: The names of the other packages, as pip calls them.

    Returns:
      A dictionary from "jaxseg", the names of the packages and "Python" to the
      versions. The version of a package that is not installed is None.
    """
    found: dict[str, str | None] = {"jaxseg": jaxseg.__version__}
    for name in packages:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = None
    return found | {"Python": platform.python_version()}


def as_text() -> str:
    """Returns a line such as `jaxseg 0.1.0 (jax 0.10.2, flax 0.12.8, ...)`."""
    found = versions()
    own = found.pop("jaxseg")
    others = ", ".join(f"{name} {text or 'missing'}" for name, text in found.items())
    return f"jaxseg {own} ({others})"
