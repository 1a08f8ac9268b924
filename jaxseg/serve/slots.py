"""Counts the accepted requests, and refuses further ones when there are too many."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator

from jaxseg.serve.refusal import Refusal

SHARE = 0.2  # The weight of the latest request in the average duration.


class Slots:
    """Limits the number of accepted requests. Only the server's thread may use it.

    Args:
      limit: The largest number of accepted requests that are not finished.
    """

    def __init__(self, limit: int) -> None:
        self.limit, self.used, self.draining = limit, 0, False
        self._seconds = 1.0

    @contextlib.contextmanager
    def one(self) -> Iterator[None]:
        """Returns a context manager that counts one request while its block runs.

        Raises:
          Refusal: With the status 503 if the server is shutting down, or 429 if it
            already has the largest number of requests.
        """
        if self.draining:
            raise Refusal(503, "The server is shutting down.", retry_after=5)
        if self.used >= self.limit:
            raise Refusal(
                429,
                f"The server already has {self.limit} requests. Send this one again "
                "later.",
                retry_after=max(1, math.ceil(self._seconds)),
            )
        self.used += 1
        try:
            yield
        finally:
            self.used -= 1

    def note(self, seconds: float) -> None:
        """Updates the average duration of requests when a request is finished.

        A client whose request is refused is asked to try again after the average
        duration.

        Args:
          seconds: The duration of the finished request.
        """
        self._seconds += SHARE * (seconds - self._seconds)
