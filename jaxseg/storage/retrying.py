"""Repeats requests to a storage service that fail temporarily.

A storage service refuses some requests under load and can be unavailable for minutes.
Neither is a reason to end a training run of days. A request is therefore repeated, with
increasing pauses, until it succeeds or the time limit (`Patience`) is reached. Errors
that repetition cannot repair, such as missing permissions, end the attempts at once.
"""

from __future__ import annotations

import dataclasses
import logging
import random
import time
from collections.abc import Callable
from typing import Any

logger = logging.getLogger(__name__)


class StorageError(OSError):
    """Is raised if a storage service refuses a request or cannot be reached."""


@dataclasses.dataclass(frozen=True)
class Patience:
    """Limits how long a failing request is repeated.

    Attributes:
      seconds: How long the request is repeated, in seconds.
      first: The upper bound of the first pause, in seconds. The bound doubles with each
        further pause.
      most: The largest value of this bound, in seconds.
    """

    seconds: float = 300.0
    first: float = 0.5
    most: float = 30.0


DEFAULT = Patience()


def retried(
    request: Callable[[], Any],
    *,
    patience: Patience = DEFAULT,
    final: tuple[type[BaseException], ...] = (),
    reason: Callable[[BaseException], str | None] = lambda error: None,
) -> Any:
    """Calls a function until it raises no error, and returns its result.

    The pauses are drawn at random, so that many hosts do not repeat their requests at
    the same moment.

    Args:
      request: The function. Calling it twice must have the effect of one call.
      patience: How long, and with which pauses, the function is called again.
      final: The types of exceptions after which the function is not called again. They
        are raised unchanged.
      reason: A function that takes an error and returns a text that says why repeating
        cannot repair it, or None if repeating can.

    Raises:
      StorageError: If the error is permanent, or if the time limit is reached.
    """
    end = time.monotonic() + patience.seconds
    longest, failures = patience.first, 0
    while True:
        try:
            return request()
        except final:
            raise
        except Exception as error:
            failures += 1
            why = reason(error)
            if why is not None:
                raise StorageError(why) from error
            pause = random.uniform(longest / 2, longest)
            if time.monotonic() + pause > end:
                raise StorageError(
                    f"{failures} attempts within {patience.seconds:.0f} seconds have "
                    f"failed, the last one with {type(error).__name__}: "
                    f"{(str(error).splitlines() or [''])[0]}"
                ) from error
            if failures == 3:
                logger.warning(
                    "The storage service does not respond as expected (%s: %s). The "
                    "request is repeated for up to %.0f seconds.",
                    *(type(error).__name__, error, patience.seconds),
                )
        time.sleep(pause)
        longest = min(2 * longest, patience.most)
