"""Defines the errors for image files that the reader refuses."""

from __future__ import annotations


class Refused(ValueError):
    """Is raised for an image file that the reader refuses.

    Args:
      reason: The reason as a sentence without a period.
      remedy: What the user can do, as a sentence without a period.
    """

    def __init__(self, reason: str, remedy: str):
        super().__init__(f"{reason}. {remedy}.")
        self.reason = reason


class UnknownRange(Refused):
    """Is raised if it is not known which pixel values of an image are black and white.

    An example is a 16-bit gray image without the option `data.range`.

    Args:
      reason: The reason as a sentence without a period.
    """

    def __init__(self, reason: str):
        super().__init__(
            reason,
            "Pass the values of black and white by --data.range LOW HIGH, such as "
            "--data.range 0 65535 for the full range of 16 bits",
        )
