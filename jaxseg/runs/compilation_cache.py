"""Compiled programs are kept between commands: the second start of a run is quick.

XLA's executables lie in ~/.cache/jaxseg/xla, the least recently used are deleted when
they exceed a bound. They are the same machine code that compiling again would give.
A directory that JAX was told of (JAX_COMPILATION_CACHE_DIR, or in its configuration)
is used as it is, and so is JAX_ENABLE_COMPILATION_CACHE.

    JAXSEG_CACHE_GB=5 jaxseg train ...     another bound than 2 GB
    JAXSEG_CACHE_GB=0 jaxseg train ...     neither read nor write
    jaxseg --no-cache train ...            the same
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path

SWITCH = "JAXSEG_CACHE_GB"
GIGABYTES = 2.0
FOLDER = Path("~/.cache/jaxseg/xla")


def enable() -> Path | None:
    """Turns the cache on; its directory, or None where it stays as JAX has it.

    Raises:
      ValueError: if JAXSEG_CACHE_GB is no number that is at least 0.
    """
    import jax

    warnings.filterwarnings("ignore", "Error writing persistent compilation cache")
    bound = gigabytes(os.environ.get(SWITCH))
    if not bound or jax.config.jax_compilation_cache_dir:
        return None
    folder = FOLDER.expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        prune(folder, int(bound * 1e9))
    except OSError:  # a home that cannot be written: compile every time
        return None
    jax.config.update("jax_compilation_cache_dir", str(folder))
    return folder


def gigabytes(text: str | None) -> float:
    """The bound that JAXSEG_CACHE_GB names."""
    try:
        bound = GIGABYTES if text is None else float(text)
    except ValueError:
        bound = -1.0
    if not 0 <= bound < float("inf"):
        raise ValueError(f"{SWITCH} {text!r} must be a number of at least 0 (0: off)")
    return bound


def prune(folder: Path, limit: int) -> int:
    """Deletes what was longest not used until `limit` bytes remain; bytes deleted."""
    entries = []
    for path in folder.iterdir():
        status = path.stat()
        entries.append((max(status.st_atime, status.st_mtime), status.st_size, path))
    excess, deleted = sum(size for _, size, _ in entries) - limit, 0
    for _, size, path in sorted(entries):
        if deleted >= excess:
            break
        path.unlink(missing_ok=True)
        deleted += size
    return deleted
