"""Describes the program that computes an evaluation."""

from __future__ import annotations

import hashlib
import importlib.metadata
import platform
from pathlib import Path
from typing import Any

import jax

import jaxseg

PACKAGES = (
    *("jax", "jaxlib", "flax", "numpy", "scipy", "pillow"),
    *("tensorflow-datasets", "grain", "orbax-checkpoint"),
)


def describe_program() -> dict[str, Any]:
    """Returns a dictionary that describes the program with which an evaluation ran.

    "sources" is the digest of jaxseg's source files, "packages" the version of each
    package that jaxseg uses, and "python" the version of Python. "platform" is the
    platform of JAX, such as "cpu", and "machine" the type of the processor.
    """
    return {
        "sources": digest_sources(Path(jaxseg.__file__).parent),
        "packages": {name: _version(name) for name in PACKAGES},
        "python": platform.python_version(),
        "platform": jax.devices()[0].platform,
        "machine": platform.machine(),
    }


def digest_sources(folder: Path) -> str:
    """Returns the SHA-256 digest of all Python files in a folder, in hexadecimal.

    It covers the path of each file in the folder, its length and its content.

    Args:
      folder: The folder of a package.
    """
    state = hashlib.sha256()
    for path in sorted(folder.rglob("*.py"), key=lambda path: path.as_posix()):
        content = path.read_bytes()
        name = path.relative_to(folder).as_posix()
        state.update(f"{name}\n{len(content)}\n".encode())
        state.update(content)
    return state.hexdigest()


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
