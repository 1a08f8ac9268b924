"""Keeps compiled programs between commands, so that a restarted run starts quickly.

The executables of XLA are stored in ~/.cache/jaxseg/xla. When they exceed the size
limit, those that were not used for the longest time are deleted. A cached program is
identical to a newly compiled one. If JAX already has a cache directory
(JAX_COMPILATION_CACHE_DIR or its configuration), that directory is used unchanged, and
JAX_ENABLE_COMPILATION_CACHE is respected.

    JAXSEG_CACHE_GB=5 jaxseg train ...     sets the limit to 5 GB instead of 2 GB
    JAXSEG_CACHE_GB=0 jaxseg train ...     turns the cache off
    jaxseg --no-cache train ...            turns the cache off as well
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path

SWITCH = "JAXSEG_CACHE_GB"
GIGABYTES = 2.0  # Bounds the disk space; a smaller cache compiles more often.
FOLDER = Path("~/.cache/jaxseg/xla")


def enable() -> Path | None:
    """Turns on the cache of compiled programs, and deletes files above its size limit.

    Returns:
      The directory of the cache, or None if the configuration of JAX was left
      unchanged.

    Raises:
      ValueError: If JAXSEG_CACHE_GB is not a number of at least 0.
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
    except OSError:  # The home directory is read-only: programs are compiled each time.
        return None
    jax.config.update("jax_compilation_cache_dir", str(folder))
    return folder


def gigabytes(text: str | None) -> float:
    """Returns the size limit of the cache in GB.

    Args:
      text: The value of the environment variable JAXSEG_CACHE_GB, or None if it is not
        set, which selects the default.

    Raises:
      ValueError: If the value is not a number of at least 0.
    """
    try:
        bound = GIGABYTES if text is None else float(text)
    except ValueError:
        bound = -1.0
    if not 0 <= bound < float("inf"):
        raise ValueError(
            f"{SWITCH}={text!r} is invalid: expected a number of at least 0. "
            "0 turns the cache off."
        )
    return bound


def prune(folder: Path, limit: int) -> int:
    """Deletes the least recently used files of a folder until a size limit is kept.

    Args:
      folder: The cache directory.
      limit: The size limit in bytes.

    Returns:
      The number of bytes that were deleted.
    """
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
