"""Changes brightness, contrast, gamma and color of images.

All functions take images as float32 [H, W, C] with values from 0 to 1. Results outside
this range are clipped after each augmentation.
"""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np

from jaxseg.data.augment.entry import Drawn, PixelEntry
from jaxseg.data.augment.parameters import interval, number

LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # of RGB, ITU-R BT.601


@dataclasses.dataclass(frozen=True, kw_only=True)
class Brightness(PixelEntry):
    """Multiplies all values by a random factor, and adds a random constant."""

    name: ClassVar[str] = "brightness"

    factor: tuple[float, float] = interval(
        (0.8, 1.2),
        0,
        10,
        help="The lower and upper limit of the factor by which all values are "
        "multiplied. The factor is drawn uniformly for each crop.",
    )
    shift: tuple[float, float] = interval(
        (0.0, 0.0),
        -1,
        1,
        help="The lower and upper limit of the constant that is added to all values, "
        "as fractions of the value range. The constant is drawn uniformly for each "
        "crop.",
    )

    def draw(self, rng: np.random.Generator) -> Drawn:
        return {"factor": rng.uniform(*self.factor), "shift": rng.uniform(*self.shift)}

    def change(self, image: np.ndarray, drawn: Drawn) -> np.ndarray:
        return image * np.float32(drawn["factor"]) + np.float32(drawn["shift"])


@dataclasses.dataclass(frozen=True, kw_only=True)
class Contrast(PixelEntry):
    """Changes the contrast of an image by a random factor.

    The factor multiplies the difference of each value from the mean of the image. For
    images of three channels, this is the mean luma (the brightness of a color). For
    other images, it is the mean of all values.
    """

    name: ClassVar[str] = "contrast"

    factor: tuple[float, float] = interval(
        (0.8, 1.2),
        0,
        10,
        help="The lower and upper limit of the factor by which the difference of each "
        "value from the mean is multiplied. The factor is drawn uniformly for each "
        "crop.",
    )

    def draw(self, rng: np.random.Generator) -> Drawn:
        return {"factor": rng.uniform(*self.factor)}

    def change(self, image: np.ndarray, drawn: Drawn) -> np.ndarray:
        # Sums over whole rows are vectorized; a sum over both axes at once is not.
        means = image.mean(0).mean(0, np.float64)
        mean = means @ LUMA if len(means) == 3 else means.mean()
        return blend(np.float32(mean), image, drawn["factor"])


@dataclasses.dataclass(frozen=True, kw_only=True)
class Gamma(PixelEntry):
    """Maps the value range to [0, 1], and raises the values to a random power."""

    name: ClassVar[str] = "gamma"

    power: tuple[float, float] = interval(
        (0.7, 1.5),
        0.1,
        10,
        help="The lower and upper limit of the exponent to which values in [0, 1] are "
        "raised. The exponent is drawn uniformly on a logarithmic scale. Exponents "
        "above 1 darken the image.",
    )

    def draw(self, rng: np.random.Generator) -> Drawn:
        return {"power": float(np.exp(rng.uniform(*np.log(self.power))))}

    def change(self, image: np.ndarray, drawn: Drawn) -> np.ndarray:
        return np.clip(image, 0, 1) ** np.float32(drawn["power"])


@dataclasses.dataclass(frozen=True, kw_only=True)
class Saturation(PixelEntry):
    """Changes the saturation of all colors by a random factor.

    The factor multiplies the difference of each color from the gray of equal luma
    (brightness).
    """

    name: ClassVar[str] = "saturation"
    rgb: ClassVar[bool] = True

    factor: tuple[float, float] = interval(
        (0.8, 1.2),
        0,
        10,
        help="The lower and upper limit of the factor by which the difference of each "
        "color from gray is multiplied. The factor is drawn uniformly for each crop.",
    )

    def draw(self, rng: np.random.Generator) -> Drawn:
        return {"factor": rng.uniform(*self.factor)}

    def change(self, image: np.ndarray, drawn: Drawn) -> np.ndarray:
        return blend(luma(image), image, drawn["factor"])


@dataclasses.dataclass(frozen=True, kw_only=True)
class Hue(PixelEntry):
    """Rotates the hue of all colors of an image by one random angle."""

    name: ClassVar[str] = "hue"
    rgb: ClassVar[bool] = True

    degrees: float = number(
        18.0,
        0,
        180,
        help="The largest angle, in degrees, by which "
        "the hue is rotated on the color circle in either direction.",
    )

    def draw(self, rng: np.random.Generator) -> Drawn:
        return {"degrees": rng.uniform(-self.degrees, self.degrees)}

    def change(self, image: np.ndarray, drawn: Drawn) -> np.ndarray:
        return rotated_hue(image, drawn["degrees"])


@dataclasses.dataclass(frozen=True, kw_only=True)
class Grayscale(PixelEntry):
    """Converts RGB to gray: each channel becomes the luma (brightness) of the color."""

    name: ClassVar[str] = "grayscale"
    rgb: ClassVar[bool] = True

    def draw(self, rng: np.random.Generator) -> Drawn:
        return {}

    def change(self, image: np.ndarray, drawn: Drawn) -> np.ndarray:
        return np.broadcast_to(luma(image), image.shape)


def luma(image: np.ndarray) -> np.ndarray:
    """Returns the luma of an RGB image: a weighted sum of its channels, [H, W, 1]."""
    return (image @ LUMA)[..., None]


def blend(base: np.ndarray, image: np.ndarray, factor: float) -> np.ndarray:
    """Mixes two images: returns `base + factor * (image - base)`.

    The factor 0 gives `base`, 1 gives `image`, and a larger factor extrapolates.
    """
    return np.float32(factor) * image + np.float32(1 - factor) * base


def rotated_hue(image: np.ndarray, degrees: float) -> np.ndarray:
    """Returns an RGB image with rotated hue, and unchanged saturation and value (HSV).

    Args:
      image: Float32 [H, W, 3].
      degrees: The angle on the color circle, on which red is at 0 and green at 120.
    """
    red, green, blue = (image[..., k] for k in range(3))
    value = np.maximum(np.maximum(red, green), blue)
    chroma = value - np.minimum(np.minimum(red, green), blue)
    scale = 1 / np.where(chroma == 0, np.float32(1), chroma)
    sector = np.where(
        value == red,
        (green - blue) * scale,
        np.where(value == green, (blue - red) * scale + 2, (red - green) * scale + 4),
    )
    sector += np.float32(degrees / 60)
    rotated = np.empty_like(image)
    for channel, start in enumerate((5, 3, 1)):
        k = sector + np.float32(start)
        k -= 6 * np.floor(k / 6)
        part = np.clip(np.minimum(k, 4 - k), 0, 1)
        rotated[..., channel] = value - chroma * part
    return rotated
