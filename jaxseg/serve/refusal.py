"""Defines the error that becomes an HTTP answer with a status and one line of text."""

from __future__ import annotations


class Refusal(Exception):
    """Is raised when a request cannot be answered.

    Attributes:
      status: The HTTP status.
      reason: One line that says why, and what the client can do.
      retry_after: The number of seconds after which the client can try again, or None.
    """

    def __init__(
        self, status: int, reason: str, *, retry_after: int | None = None
    ) -> None:
        super().__init__(reason)
        self.status, self.reason, self.retry_after = status, reason, retry_after
