"""Keeps the memory and costs of compiled training steps, so that plans are repeatable.

Compiling the step of a large network takes minutes, and JAX cannot load programs for
devices that this computer lacks from its own cache. This cache therefore keeps only
what a plan needs to know of a program: its memory and its costs, but not its text. The
key of an entry consists of the lowered program, the devices and the versions of the
compilers. If one of them changes, the step is compiled again.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.metadata
import json
import os
from pathlib import Path
from typing import Any

import jax

from jaxseg.plan.program import Program, ProgramMemory
from jaxseg.plan.topology import Slice
from jaxseg.runs import compilation_cache
from jaxseg.storage import atomic

FOLDER = Path("~/.cache/jaxseg/plans")
LIMIT = 20_000_000  # Bytes; an entry has less than 1,000.
PACKAGES = ("jax", "jaxlib", "libtpu")


@dataclasses.dataclass(frozen=True)
class ProgramCache:
    """Reads and writes the memory and costs of compiled training steps.

    Attributes:
      folder: The folder with one file for each program. It is created when the first
        entry is written.
    """

    folder: Path

    def read(self, lowered: jax.stages.Lowered, target: Slice) -> Program | None:
        """Returns the stored result of a compilation, or None if it is not stored.

        Args:
          lowered: The lowered training step.
          target: The devices for which it is compiled.

        Returns:
          The program without its text.
        """
        path = self._path(lowered, target)
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            memory = values.pop("memory")
            held = None if memory is None else ProgramMemory(**memory)
            return Program(**values, memory=held)
        except (OSError, ValueError, TypeError, KeyError):
            return None  # A damaged entry is written again.

    def write(
        self, lowered: jax.stages.Lowered, target: Slice, program: Program
    ) -> None:
        """Stores the result of a compilation, unless the folder cannot be written.

        Args:
          lowered: The lowered training step.
          target: The devices for which it was compiled.
          program: The result.
        """
        values: dict[str, Any] = dataclasses.asdict(program)
        values["parts"] = dict(program.parts)
        del values["text"]
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            compilation_cache.prune(self.folder, LIMIT)
            atomic.write_text(self._path(lowered, target), json.dumps(values))
        except OSError:  # The home directory is read-only: steps are compiled again.
            return

    def _path(self, lowered: jax.stages.Lowered, target: Slice) -> Path:
        """Returns the file of a program, which is named by a digest of its source."""
        versions = [f"{name} {_version(name)}" for name in PACKAGES]
        flags = [
            os.environ.get("XLA_FLAGS", ""),
            os.environ.get("LIBTPU_INIT_ARGS", ""),
        ]
        quick = str(jax.config.read("jax_disable_most_optimizations"))
        kind = target.devices[0].device_kind
        about = [target.name, kind, f"{len(target.devices)}", quick, *versions, *flags]
        digest = hashlib.sha256("\n".join(about).encode())
        digest.update(lowered.as_text().encode())
        return self.folder / f"{digest.hexdigest()}.json"


def default_cache() -> ProgramCache | None:
    """Returns the cache in the home directory.

    It is None if the environment variable JAXSEG_CACHE_GB is 0, which turns off the
    cache of compiled programs as well.
    """
    bound = compilation_cache.gigabytes(os.environ.get(compilation_cache.SWITCH))
    return ProgramCache(FOLDER.expanduser()) if bound else None


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "absent"
