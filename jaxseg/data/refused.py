"""Defines the error for image files that the reader refuses."""

from __future__ import annotations


class Refused(ValueError):
    """Is raised for an image file that the reader refuses.

    Args:
      reason: The reason as a sentence without a period.
      remedy: What the user can do, as a sentence without a period.
    """

    def __init__(self, reason: str, remedy: str):
        super().__init__(f"{reason}. {remedy}.")
