"""Checks that the image and the mask of a pair exist and have equal sizes."""

from __future__ import annotations

from jaxseg.data import reader
from jaxseg.data.files import name_others, shown
from jaxseg.data.header import Header, turn_hint
from jaxseg.data.layouts import Pair
from jaxseg.data.mask_reader import MaskReader


def require_both(pair: Pair, folder: str) -> None:
    """Checks that both files of a pair exist and that the name is valid UTF-8.

    Args:
      pair: The pair.
      folder: The folder of the dataset, for error messages.

    Raises:
      ValueError: If a file is missing, or the name is not valid UTF-8.
    """
    for kind in ("image", "mask"):
        if getattr(pair, kind) is None:
            raise ValueError(missing(pair, kind, folder))
    if not is_text(pair.name):
        raise ValueError(
            f"{shown(pair.name)} in {folder} is invalid: expected a file name in "
            "UTF-8. Rename the file."
        )


def missing(pair: Pair, kind: str, folder: str) -> str:
    """Returns the error message for a missing image or mask of a pair.

    Args:
      pair: The pair.
      kind: "image" or "mask".
      folder: The folder of the dataset.
    """
    listed = f" (listed in {pair.origin})" if pair.origin else ""
    others = f": {name_others(pair.others)}" if pair.others else ""
    return f"{kind} {shown(pair.name)!r} is missing in {folder}{listed}{others}."


def check_size(
    pair: Pair,
    image: tuple[int, ...],
    mask: tuple[int, ...],
    *,
    header: Header | None,
    masks: MaskReader,
) -> None:
    """Checks that an image and its mask have equal sizes.

    Args:
      pair: The pair.
      image: The (H, W) of the image in pixels.
      mask: The (H, W) of the mask in pixels.
      header: The header of the image file, or None if `jaxseg.data.reader` does not
        read the image.
      masks: The object that reads the mask files of the dataset.

    Raises:
      ValueError: If the sizes differ. The message says whether a rotation explains it.
    """
    if mask == image:
        return
    hint = ""
    if header and masks.read_values is None:
        hint = turn_hint(
            header, reader.read_header(pair.mask, masks.reading, mask=True)
        )
    raise ValueError(
        f"{pair.mask} is {mask[0]}x{mask[1]}: expected the size {image[0]}x{image[1]} "
        f"(height x width) of {pair.image}{hint}."
    )


def is_text(name: str) -> bool:
    """Returns whether the name of a file is valid UTF-8.

    Python represents bytes that are not valid UTF-8 as unpaired surrogates.
    """
    return not any("\ud800" <= character <= "\udfff" for character in name)
