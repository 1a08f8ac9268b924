"""Resizes and pads images to a size that a network and its import both accept."""

from __future__ import annotations

import dataclasses

import numpy as np

from jaxseg.bench.compare.pair import Pair
from jaxseg.ops.resize import resize
from jaxseg.typing import Size

_MULTIPLES = {"segmentation_models_pytorch": 32}  # Its networks refuse other sizes.
_UNET = 16  # The U-Net of MMSegmentation refuses sizes that are no multiples of this.


@dataclasses.dataclass(frozen=True)
class Fitted:
    """Contains an image, resized and padded so that the compared networks accept it.

    Attributes:
      pixels: The image, [H, W, C], padded at the bottom and on the right.
      size: The height and width without padding.
      note: How the image was resized or padded, in words, or "".
    """

    pixels: np.ndarray
    size: Size
    note: str = ""


def fitted(pixels: np.ndarray, pair: Pair, size: Size | None = None) -> Fitted:
    """Returns an image that is resized and padded to a size that both networks accept.

    Args:
      pixels: The image, [H, W, C].
      pair: The original network and its import in jaxseg.
      size: The height and width to which the image is resized. By default it is
        resized only if the network needs one fixed size.

    Returns:
      A `Fitted`: the pixels, the size without padding, and a note about the changes.
    """
    options = pair.conversion.network.config.model.options
    wanted = size or options.get("image_size")
    note = ""
    if wanted and tuple(wanted) != pixels.shape[:2]:
        pixels = resized(pixels, tuple(wanted), antialias=True)
        note = "resized to {} x {} pixels for both networks".format(*wanted)
    height, width = pixels.shape[:2]
    multiple = _multiple(pair)
    more = [-side % multiple for side in (height, width)]
    if any(more):
        padded = np.empty((height + more[0], width + more[1], pixels.shape[2]))
        padded[:] = pair.spec.mean_color
        padded[:height, :width] = pixels
        pixels = padded.astype(pixels.dtype)
        note = f"padded to {pixels.shape[0]} x {pixels.shape[1]} pixels" + (
            f" after it was {note}" if note else f", multiples of {multiple}"
        )
    return Fitted(pixels, (height, width), note)


def resized(pixels: np.ndarray, size: Size, *, antialias: bool) -> np.ndarray:
    """Resizes an image bilinearly.

    If the pixels are integers, the result is rounded to integers.

    Args:
      pixels: The image, [H, W, C].
      size: The height and width of the result.
      antialias: Whether the filter widens when the image shrinks, as in Pillow.

    Returns:
      The image, [*size, C], of the type of `pixels`.
    """
    values = np.asarray(
        resize(pixels[None].astype(np.float32), size, antialias=antialias)[0]
    )
    if pixels.dtype.kind == "f":
        return values.astype(pixels.dtype)
    most = np.iinfo(pixels.dtype).max
    return np.clip(np.floor(values + 0.5), 0, most).astype(pixels.dtype)


def _multiple(pair: Pair) -> int:
    source = pair.conversion.imported.source
    if (source.library, source.name) == ("mmsegmentation", "UNet"):
        return _UNET
    return _MULTIPLES.get(source.library, 1)
