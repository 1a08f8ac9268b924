"""The error for a file whose pixels cannot be represented."""

from __future__ import annotations


class Refused(ValueError):
    """Reports a file that cannot be represented.

    Args:
      reason: The reason as a sentence without a period.
      remedy: What the user can do, as a sentence without a period.
    """

    def __init__(self, reason: str, remedy: str):
        super().__init__(f"{reason}. {remedy}.")
