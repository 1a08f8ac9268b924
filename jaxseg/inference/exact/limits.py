"""Checks whether a network can be computed exactly in tiles within given limits."""

from __future__ import annotations

from jaxseg.analysis.regions.reductions import GlobalOperation
from jaxseg.typing import Size


def check_operations(operations: tuple[GlobalOperation, ...], most: int) -> None:
    """Raises ValueError if tiles would need more than `most` passes over the image.

    The error is also raised for a network with an operation that cannot be computed
    exactly in tiles with any number of passes.

    Args:
      operations: The operations of the network that combine positions of the whole
        image, such as global pooling.
      most: The allowed number of passes over the image.
    """
    inexact = [operation for operation in operations if not operation.exact]
    passes = 1 + max((operation.level for operation in operations), default=0)
    if inexact:
        one = inexact[0]
        raise ValueError(
            f"mode='exact' is invalid: expected a network without {one.operation}, "
            f"which this network has in {one.module}. Use mode='slide' with a window, "
            "which is approximate."
        )
    if passes > most:
        first, more = operations[0], len(operations) - 1
        rest = f" and {more} more such operation{'s' * (more > 1)}" if more else ""
        raise ValueError(
            f"max_passes={most} is invalid: expected at least {passes} passes over the "
            f"image, because the network computes {first.operation} in {first.module}"
            f"{rest}. Use max_passes={passes}, which is exact, or mode='slide' with a "
            "window, which is approximate."
        )


def check_halo(halo: int | None, *, size: Size, most: int) -> None:
    """Raises ValueError if tiles read more than `most` pixels beyond their own pixels.

    Args:
      halo: The number of pixels that a tile reads beyond its own pixels on each side.
        None if tiles read up to the border of the image, however large it is.
      size: The height and width of the image.
      most: The largest allowed halo in pixels.
    """
    have = max(size) if halo is None else halo
    if have > most:
        raise ValueError(
            f"max_halo={most} is invalid: expected at least {have} pixels, the halo of "
            "this network. Use a larger max_halo, or mode='slide' with a window."
        )
