"""Describes the number of channels and the type of the pixels of an image."""

from __future__ import annotations

import dataclasses

import numpy as np

from jaxseg.data.read_options import ReadOptions
from jaxseg.data.refused import Refused
from jaxseg.data.spec import IMAGE_TYPES, MOST_CHANNELS, DatasetSpec


@dataclasses.dataclass(frozen=True)
class PixelType:
    """Contains the number of channels and the type of the pixels of an image.

    Attributes:
      channels: The number of channels.
      dtype: "uint8", "uint16" or "float32".
    """

    channels: int
    dtype: str

    def __str__(self) -> str:
        return f"{self.channels} channel{'s' * (self.channels != 1)} of {self.dtype}"

    @classmethod
    def of(cls, pixels: np.ndarray) -> PixelType:
        """Returns the `PixelType` of an image array [H, W, C]."""
        return cls(pixels.shape[-1], pixels.dtype.name)

    @property
    def full_range(self) -> tuple[float, float] | None:
        """Returns the (smallest, largest) possible pixel value, or None for float32."""
        if self.dtype == "float32":
            return None
        return (0, int(np.iinfo(self.dtype).max))


RGB8 = PixelType(3, "uint8")


def with_pixels(spec: DatasetSpec, pixels: PixelType) -> DatasetSpec:
    """Adapts the specification of a dataset to images of another `PixelType`.

    The mean and the standard deviation in the result are placeholders, which
    `jaxseg.data.normalization` replaces by those of the images.

    Args:
      spec: The specification, written for 8-bit RGB images.
      pixels: The number of channels and the type of the images.
    """
    if pixels == RGB8:
        return spec
    return dataclasses.replace(
        spec,
        mean=(0.5,) * pixels.channels,
        std=(0.5,) * pixels.channels,
        image_type=pixels.dtype,
        value_range=pixels.full_range or (0, 1),
    )


def require_type(dtype: np.dtype) -> None:
    """Raises `Refused` unless pixels are uint8, uint16 or float32."""
    if dtype.newbyteorder("=").name not in IMAGE_TYPES:
        raise Refused(
            f"The values of the file have the type {dtype.name}",
            "Save it as uint8, uint16 or float32",
        )


def chosen_type(
    samples: int, dtype: np.dtype, options: ReadOptions, *, alpha: int = 0
) -> PixelType:
    """Chooses the number of channels that are read from an image, and their type.

    If `options.channels` is None, alpha channels are dropped, and 8-bit gray becomes
    RGB with three equal channels. If it is a number, it must equal the number of stored
    channels, either with or without the alpha channels.

    Args:
      samples: The number of stored channels, with alpha.
      dtype: The type of the values.
      options: The options of the reader, which may state the number of channels.
      alpha: The number of stored channels that are alpha. They are the last ones.

    Returns:
      The number of channels and their type, as a `PixelType`.

    Raises:
      Refused: If the type is not supported, or the number of channels not allowed.
    """
    require_type(dtype)
    wanted = options.channels
    name, colors = dtype.newbyteorder("=").name, samples - alpha
    if wanted is None:
        kept = 3 if name == "uint8" and colors == 1 else colors
    elif wanted in (colors, samples):
        kept = wanted
    else:
        count = f"{colors} channel{'s' * (colors != 1)}"
        count += f" and {alpha} for transparency" if alpha else ""
        if options.trained:
            raise Refused(
                f"The file has {count}, but the network was trained on images with "
                f"{wanted}",
                "Use images with this number of channels",
            )
        raise Refused(
            f"The file has {count}: expected data.channels={wanted}",
            f"Pass --data.channels {colors}, or change the number of channels of the "
            f"file to {wanted}",
        )
    if not 1 <= kept <= MOST_CHANNELS:
        raise Refused(
            f"The file has {kept} channels: expected 1 to {MOST_CHANNELS}",
            "Change the number of channels",
        )
    return PixelType(kept, name)


def keep_channels(values: np.ndarray, kept: PixelType) -> np.ndarray:
    """Selects the channels that are read from an image.

    The result has native byte order.

    Args:
      values: All stored channels, [H, W, S].
      kept: The number of channels to select, and their type, from `chosen_type`.

    Returns:
      The first C = `kept.channels` channels, [H, W, C]. If C is 3 and fewer than three
      channels are stored, the result consists of three copies of the first one.

    Raises:
      Refused: If a value is not finite.
    """
    if kept.channels == 3 and values.shape[-1] < 3:
        values = np.repeat(values[..., :1], 3, axis=2)
    pixels = np.ascontiguousarray(values[..., : kept.channels], kept.dtype)
    if kept.dtype == "float32" and not np.isfinite(pixels).all():
        raise Refused(
            "The file contains values that are not finite", "Replace these values"
        )
    return pixels
