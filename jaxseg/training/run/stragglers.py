"""Names the host that delays a run of several processes.

All devices of a run exchange gradients in every step, so all hosts finish a step at the
same time. The host that delays the others is therefore the one that spends the most
time on its own work: it waits for its data or prepares a step. The time in which a host
waits for its devices does not count. A slow chip delays all hosts equally, and these
numbers do not show to which host it belongs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from jaxseg.training.devices.host_values import HostValues
from jaxseg.training.run.meter import Meter
from jaxseg.training.run.metric_writer import Record


class HostTimes:
    """Writes the times of all hosts to `metrics.jsonl`.

    They are written one step after each log line, so that no host waits while the times
    are exchanged. All processes must call the methods in the same order. If there is
    only one process, nothing is written.
    """

    def __init__(self) -> None:
        self._values = HostValues()

    def start(self, step: int, meter: Meter) -> None:
        """Starts to exchange the times of the current interval between log lines.

        Nothing is exchanged if no step of the interval was timed. This is so for all
        hosts or for none.

        Args:
          step: The step of the log line, which is not written yet.
          meter: The `Meter` that has measured the times of this host. It does not
            count the time of the exchange.
        """
        times = meter.host_times()
        if times is not None:
            with meter.paused():
                self._values.start(step, times)

    def write(self, record: Record) -> None:
        """Writes a line of the kind "hosts" if an exchange of times was started.

        Args:
          record: The object that writes metrics.jsonl. It writes only on the first
            process.
        """
        if (found := self._values.read()) is not None:
            record.write(found[0], "hosts", slowest_host(found[1]))


def slowest_host(times: np.ndarray) -> dict[str, Any]:
    """Describes the times of all hosts in one interval between log lines.

    A host is a process of the run, numbered by its process index.

    Args:
      times: For each process, the seconds per step in which it did not wait for its
        devices, and the fraction of the time that it spent waiting for batches,
        [processes, 2].

    Returns:
      A dictionary with four entries. `slowest_host` is the process with the most
      seconds per step, and `slowest_host_seconds` are these seconds.
      `slowest_host_ratio` is these seconds divided by the median over all processes.
      `input_wait_by_host` lists the fractions of all processes.
    """
    seconds = np.asarray(times)[:, 0]
    slowest = int(seconds.argmax())
    median = max(float(np.median(seconds)), 1e-9)
    return {
        "slowest_host": slowest,
        "slowest_host_seconds": float(seconds[slowest]),
        "slowest_host_ratio": float(seconds[slowest]) / median,
        "input_wait_by_host": [float(wait) for wait in np.asarray(times)[:, 1]],
    }
