"""Describes the header of an image file."""

from __future__ import annotations

import dataclasses

from jaxseg.data import orientation
from jaxseg.data.pixel_type import RGB8, PixelType


@dataclasses.dataclass(frozen=True)
class Header:
    """Contains the properties of an image that its file header states.

    Attributes:
      size: The (H, W) in pixels after the orientation tag is applied.
      stored_size: The (H, W) in pixels before the orientation tag is applied.
      orientation: The orientation tag, 1 to 8 as in EXIF; 1 leaves the picture
        unchanged.
      format: Pillow's name of the file format.
      mode: Pillow's name of the pixel format, such as "RGB".
      lossy: Whether the compression changes pixel values, as JPEG does.
      clean: Whether Pillow reads the header without a warning.
      pixels: The channels and the type of the pixels, or None for a mask.
    """

    size: tuple[int, int]
    stored_size: tuple[int, int]
    orientation: int
    format: str
    mode: str
    lossy: bool
    clean: bool = True
    pixels: PixelType | None = RGB8

    @property
    def plain(self) -> bool:
        """Returns whether the file is a PNG or JPEG that all decoders decode equally.

        It is one if it stores 8-bit RGB, its orientation tag is 1, and Pillow reads it
        without a warning.
        """
        common = self.format in ("PNG", "JPEG") and self.mode == "RGB"
        plain = common and self.orientation == 1 and self.clean
        return plain and self.pixels == RGB8


def turn_hint(image: Header, mask: Header) -> str:
    """Returns a hint for an error if image and mask sizes differ by a rotation.

    Args:
      image: The header of the image.
      mask: The header of the mask.

    Returns:
      The last part of an error message, or "" if a rotation does not explain the
      difference.
    """
    advice = "Draw masks on the picture as viewers show it"
    for name, one, other in (("image", image, mask), ("mask", mask, image)):
        swapped = orientation.swaps_sides(one.orientation)
        if swapped and one.stored_size == other.size:
            return (
                ". The sizes are equal without the orientation tag "
                f"({one.orientation}) of the {name}. {advice}, or remove the tag "
                "(exiftool -Orientation= FILE)"
            )
    if image.size == mask.size[::-1]:
        return f". The sizes are equal after a rotation by 90 degrees. {advice}"
    return ""
