"""Chooses the memory or file that holds the sums over overlapping windows."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import jax

from jaxseg.inference.windows.device_band import DeviceBand
from jaxseg.inference.windows.grid import Grid
from jaxseg.inference.windows.host_band import HostBand, band_bytes
from jaxseg.inference.windows.options import Place

_SHARE = 4  # A band may take a quarter of the free memory.


def chosen_place(place: Place, grid: Grid, classes: int) -> Place:
    """Returns where to hold the sums of the windows: "device", "host" or "file".

    If `place` is not "auto", it is returned unchanged.

    "auto" selects the memory of an accelerator if the sums need at most a quarter of
    what is free there, otherwise the memory of the host under the same condition,
    otherwise a memory-mapped file. On a CPU, the host and the device share the memory,
    so "auto" does not select the device. With the blending "center" there are no sums
    of logits, and "auto" selects the host.

    Args:
      place: The choice of the user: "auto", "device", "host" or "file".
      grid: The windows of the image.
      classes: The number of classes.
    """
    if place != "auto":
        return place
    if grid.blend == "center":
        return "host"
    needed = band_bytes(grid, classes) * _SHARE
    if needed <= _free_on_device():
        return "device"
    return "host" if needed <= _free_on_host() else "file"


def new_band(
    place: Place, grid: Grid, *, folder: Path | None = None
) -> HostBand | DeviceBand:
    """Creates an empty array of rows (a band), to which window outputs are added.

    The result is a `DeviceBand` or a `HostBand`.

    Args:
      place: Where the band is held: "device", "host" or "file".
      grid: The windows of the image.
      folder: The folder of the memory-mapped file. None selects the system's folder for
        temporary files.
    """
    if place == "device":
        return DeviceBand(grid)
    if place == "file":
        return HostBand(grid, folder=folder or Path(tempfile.gettempdir()))
    return HostBand(grid)


def _free_on_device() -> int:
    """Returns the free memory of the first accelerator in bytes, or 0 without one."""
    device = jax.local_devices()[0]
    stats = None if device.platform == "cpu" else device.memory_stats()
    if not stats:
        return 0
    return stats.get("bytes_limit", 0) - stats.get("bytes_in_use", 0)


def _free_on_host() -> int:
    """Returns the free main memory of this machine in bytes."""
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
