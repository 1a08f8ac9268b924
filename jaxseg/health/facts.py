"""Collects versions, devices, folders and limits for `jaxseg doctor`."""

from __future__ import annotations

import dataclasses
import os
import resource
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jaxseg.health.versions import versions
from jaxseg.runs.compilation_cache import FOLDER

PACKAGES = (
    *("jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "grain", "numpy", "scipy"),
    *("pillow", "tyro", "tensorflow", "torch", "jax-cuda12-plugin"),
    "jax-cuda13-plugin",
)
VARIABLES = (
    *("PYTHONPATH", "XLA_FLAGS", "JAX_PLATFORMS", "JAX_DISABLE_JIT", "JAX_ENABLE_X64"),
    *("JAX_DEBUG_NANS", "TF_FORCE_GPU_ALLOW_GROWTH", "JAXSEG_CACHE_GB"),
    *("JAXSEG_DATA_DIR", "XLA_PYTHON_CLIENT_PREALLOCATE"),
)
SHADOWED = ("jax", "jaxlib", "flax", "numpy", "optax", "orbax", "jaxseg")


@dataclasses.dataclass(frozen=True)
class Facts:
    """Describes an installation and its machine.

    Attributes:
      versions: The version of each package by its name; None if it is not installed.
      variables: The environment variables that change what JAX does, if they are set.
      devices: The devices of JAX, such as "cpu: cpu" or "gpu: NVIDIA H200".
      import_error: The error of importing JAX and Flax, or "".
      nvidia: Whether the machine has an NVIDIA GPU.
      folders: A dictionary from the purpose of each folder that jaxseg uses to a
        dictionary: "path", "bytes" (of its files), "free" (bytes of the disk) and
        "writable".
      shadows: Paths in PYTHONPATH that hide installed packages.
      shared_memory: The size of /dev/shm in bytes, or None if there is none.
      open_files: The largest number of files that a process can open at a time.
      memory: The memory of the machine in bytes.
    """

    versions: Mapping[str, str | None]
    variables: Mapping[str, str] = dataclasses.field(default_factory=dict)
    devices: tuple[str, ...] = ("cpu: cpu",)
    import_error: str = ""
    nvidia: bool = False
    folders: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)
    shadows: tuple[str, ...] = ()
    shared_memory: int | None = None
    open_files: int = 65_536
    memory: int = 0


def collect() -> Facts:
    """Returns the `Facts` about this installation and its machine."""
    devices, error = _devices()
    variables = {name: os.environ[name] for name in VARIABLES if name in os.environ}
    data = os.environ.get("JAXSEG_DATA_DIR", "~/.cache/jaxseg")
    places = {"prepared data": data, "compiled programs": FOLDER}
    places |= {"temporary files": tempfile.gettempdir()}
    shared = Path("/dev/shm")
    return Facts(
        versions=versions(PACKAGES),
        variables=variables,
        devices=devices,
        import_error=error,
        nvidia=os.path.exists("/dev/nvidia0") or bool(shutil.which("nvidia-smi")),
        folders={name: _folder(Path(path)) for name, path in places.items()},
        shadows=shadows_in(os.environ.get("PYTHONPATH", "")),
        shared_memory=shutil.disk_usage(shared).total if shared.is_dir() else None,
        open_files=resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        memory=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
    )


def shadows_in(path: str) -> tuple[str, ...]:
    """Returns a tuple of the paths in PYTHONPATH that hide installed packages.

    Such a path is a file or folder, in a folder of PYTHONPATH, with the name of a
    package.

    A folder with the name jaxseg is not among them, because PYTHONPATH may contain the
    repository of jaxseg.

    Args:
      path: The value of PYTHONPATH.
    """
    found = []
    for folder in filter(None, path.split(os.pathsep)):
        for name in SHADOWED[:-1]:
            for entry in (Path(folder) / name, Path(folder) / f"{name}.py"):
                if entry.exists():
                    found.append(str(entry))
    return tuple(found)


def _devices() -> tuple[tuple[str, ...], str]:
    """Returns the devices of JAX, and the error if JAX or Flax cannot be imported."""
    try:
        import jax
        from flax import linen  # noqa: F401

        found = tuple(f"{one.platform}: {one.device_kind}" for one in jax.devices())
        return found, ""
    except Exception as error:
        return (), f"{type(error).__name__}: {' '.join(str(error).split())}"


def _folder(path: Path) -> dict[str, Any]:
    """Returns the path, the size of the files, and whether a folder can be written."""
    path = path.expanduser()
    existing = next(p for p in (path, *path.parents) if p.exists())
    size = 0
    if path.is_dir() and path != Path(tempfile.gettempdir()):
        for folder, _, names in os.walk(path):
            for name in names:
                try:
                    size += os.lstat(os.path.join(folder, name)).st_size
                except OSError:  # The file was removed in the meantime.
                    continue
    free = shutil.disk_usage(existing).free
    writable = os.access(existing, os.W_OK | os.X_OK)
    return {"path": str(path), "bytes": size, "free": free, "writable": writable}
