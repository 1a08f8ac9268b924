"""Chooses the value of void pixels: 255, or 65535 for more than 255 classes."""

from __future__ import annotations

from collections.abc import Collection

from jaxseg.data.spec import MOST_CLASSES, VOID, WIDE_VOID


def void_of(num_classes: int) -> int:
    """Returns the ignore index of a dataset with `num_classes` classes.

    >>> void_of(255), void_of(256)
    (255, 65535)
    """
    return VOID if num_classes <= VOID else WIDE_VOID


def counted_void(values: Collection[int]) -> int:
    """Returns the ignore index of masks if the number of classes is not known.

    It is 65535 if the masks contain a value from 256 to 65534, or both 255 and 65535.
    Otherwise it is 255.

    Args:
      values: The values in all masks.
    """
    classes = set(values) - {WIDE_VOID}
    both = VOID in classes and WIDE_VOID in values
    return WIDE_VOID if both or max(classes, default=0) > VOID else VOID


def require_few(count: int, origin: str) -> None:
    """Raises ValueError if there are more classes than jaxseg supports.

    Args:
      count: The number of classes.
      origin: Where the classes come from, for the error message.
    """
    if count > MOST_CLASSES:
        size = count * 4 / 1024
        raise ValueError(
            f"{origin} has {count:,} classes: expected at most {MOST_CLASSES:,}, "
            f"because the logits of one image of 1024 x 1024 pixels would take "
            f"{size:.1f} GiB. Merge classes with --data.labels."
        )
