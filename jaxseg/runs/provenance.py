"""Describes the commit, the machine and the packages that produced a result."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import subprocess
from pathlib import Path

PACKAGES = ("jax", "flax", "optax", "numpy")


def commit(*, short: bool = False) -> str | None:
    """Returns the git commit of the jaxseg code, or None outside of a git checkout.

    Args:
      short: Whether to return the shortest unique prefix, as git abbreviates it.
    """
    folder, form = str(Path(__file__).parent), ["--short"] if short else []
    command = ["git", "-C", folder, "rev-parse", *form, "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:  # Git is not installed.
        return None
    return done.stdout.strip() or None


def machine() -> str:
    """Returns a text with the number of CPU cores and the name of the processor."""
    names = Path("/proc/cpuinfo").read_text() if os.path.exists("/proc/cpuinfo") else ""
    found = re.search(r"^model name\s*:\s*(.+)$", names, re.MULTILINE)
    name = found[1] if found else platform.processor() or platform.machine()
    return f"{os.cpu_count()} CPU cores ({name})"


def versions() -> dict[str, str]:
    """Returns a dictionary from packages that can affect results to their versions."""
    return {name: importlib.metadata.version(name) for name in PACKAGES}
