"""Writes a note for the user if images of many sizes need many compiled programs."""

from __future__ import annotations

from collections.abc import Iterable

from jaxseg.typing import Size

MANY = 16  # More sizes than this are worth a note.


def sizes_note(sizes: Iterable[Size], multiple: int) -> str | None:
    """Returns a sentence about the many programs that an evaluation compiles, or None.

    An evaluation compiles a program for each padded image size. The result is None if
    there are few sizes, or if padding to multiples of 32 would not reduce their number.

    Args:
      sizes: The height and width of each image.
      multiple: Heights and widths are padded to multiples of this number.
    """
    distinct = set(sizes)

    def count(multiple: int) -> int:
        return len({tuple(-(-side // multiple) for side in size) for size in distinct})

    if count(multiple) <= MANY or count(32) >= count(multiple):
        return None
    return (
        f"The images of the evaluation have {count(multiple)} sizes, and a program is "
        f"compiled for each. With --data.eval-multiple 32 there are {count(32)}, but "
        "padding changes some labels near the right and lower border."
    )
