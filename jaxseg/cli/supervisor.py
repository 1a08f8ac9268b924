"""Restarts a training command that was killed or that has lost another process."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Sequence

from jaxseg.cli.exit_codes import ExitCode
from jaxseg.cli.verbosity import note
from jaxseg.runs.children import Children
from jaxseg.text import counted

_SIGNALS = (signal.SIGKILL, signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS)
LONGEST_PAUSE = 60.0  # seconds


def supervise(
    command: Sequence[str],
    retries: int,
    *,
    latest_step: Callable[[], int],
    pause: float = 5.0,
) -> int:
    """Runs a command, and starts it again after failures that a restart can repair.

    A restart can help if the command was killed (for example because memory ran out),
    if the runtime aborted, or if another process of the run was lost. After any other
    error, or if another signal has stopped the command, its status is returned at once.

    Args:
      command: The program and its arguments.
      retries: The number of restarts without a new checkpoint after which the function
        gives up and returns the last status.
      latest_step: Returns the step of the newest checkpoint.
      pause: The seconds before the first restart. The time doubles with every further
        restart without a new checkpoint, up to 60 s.

    Returns:
      The exit status of the last process. If a signal has killed the process, this is
      128 plus the number of the signal.
    """
    failures, reached = 0, latest_step()
    with Children() as children:
        while True:
            status = _status(children.run(list(command)))
            if not _can_help(status):
                return status
            step = latest_step()
            failures = 1 if step > reached else failures + 1
            reached = step
            if failures > retries:
                return status
            seconds = min(pause * 2 ** (failures - 1), LONGEST_PAUSE)
            note(
                f"jaxseg: the training process ended with status {status} after the "
                f"checkpoint of step {step}; it is started again in {seconds:g} s "
                f"({counted(retries - failures, 'further restart')} without a new "
                "checkpoint)",
                file=sys.stderr,
            )
            time.sleep(seconds)


def _status(returned: int) -> int:
    """Returns the exit status as a shell shows it."""
    return 128 - returned if returned < 0 else returned


def _can_help(status: int) -> bool:
    return status == ExitCode.LOST or status - 128 in _SIGNALS
