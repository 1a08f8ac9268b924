"""Records the versions, the machine and the devices on which a run was trained.

environment.json in the run directory is a list with one entry for each environment: a
run that is resumed elsewhere adds an entry. The entries contain no times. A run that is
interrupted and resumed on the same machine therefore writes the same file as a run that
is not interrupted.
"""

from __future__ import annotations

import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax

from jaxseg.runs.provenance import commit, machine, versions
from jaxseg.storage.json_file import parse_json, write_json
from jaxseg.storage.text import read_text

NAME = "environment.json"


def current(devices: Sequence[jax.Device]) -> dict[str, Any]:
    """Returns a dictionary that describes the environment of this process.

    It contains JSON values such as the commit, the versions, the machine and the
    devices.

    Args:
      devices: The devices that are used.
    """
    kinds = [device.device_kind for device in devices]
    names = [f"{kinds.count(kind)} x {kind}" for kind in dict.fromkeys(kinds)]
    return {
        "commit": commit(),
        "python": platform.python_version(),
        **versions(),
        "system": platform.system(),
        "machine": machine(),
        "devices": ", ".join(names),
        "platform": devices[0].platform,
        "processes": jax.process_count(),
    }


def record(workdir: Path, devices: Sequence[jax.Device]) -> None:
    """Adds the environment of this process to environment.json of a run.

    It is not added if it equals the latest environment in the file.

    Args:
      workdir: The run directory.
      devices: The devices that are used.
    """
    known, now = read(workdir), current(devices)
    if not known or known[-1] != now:
        write_json(workdir / NAME, [*known, now])


def read(workdir: str | Path) -> list[dict[str, Any]]:
    """Returns the list of environments in which a run was trained, the latest one last.

    Each is a dictionary, as `current` returns it. The list is empty if environment.json
    is missing or damaged.

    Args:
      workdir: The run directory.
    """
    path = Path(workdir) / NAME
    if not path.is_file():
        return []
    try:
        found = parse_json(read_text(path))
    except ValueError:
        return []
    entries = found if isinstance(found, list) else []
    return [entry for entry in entries if isinstance(entry, dict)]
