"""Measures the peak memory use of the devices or of this process."""

from __future__ import annotations

import resource
import sys

import jax


def peak_memory() -> dict[str, float]:
    """Returns a dictionary from the name of the measured memory to its peak in bytes.

    The name is "device_memory_peak" for the largest peak of the devices of this
    process. If the devices do not report it (CPU), the name is "host_memory_peak", and
    the value is the peak resident set size of the process.
    """
    told = [device.memory_stats() or {} for device in jax.local_devices()]
    peaks = [stats["peak_bytes_in_use"] for stats in told if stats]
    if peaks:
        return {"device_memory_peak": float(max(peaks))}
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    unit = 1 if sys.platform == "darwin" else 1024
    return {"host_memory_peak": float(resident * unit)}
