"""Degrades images by blur, noise, JPEG artifacts and removed rectangles."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable
from typing import ClassVar

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

from jaxseg.data.augment.entry import Drawn, PixelEntry, Scene, SceneEntry
from jaxseg.data.augment.parameters import choice, interval, whole
from jaxseg.data.augment.resampling import rounded


@dataclasses.dataclass(frozen=True, kw_only=True)
class Blur(PixelEntry):
    """Blurs the image with a Gaussian kernel. The borders are mirrored."""

    name: ClassVar[str] = "blur"

    sigma: tuple[float, float] = interval(
        (0.1, 2.0),
        0,
        50,
        help="The lower and upper limit of the standard deviation of the Gaussian "
        "kernel in pixels. The standard deviation is drawn uniformly for each crop.",
    )

    def draw(self, rng: np.random.Generator) -> Drawn:
        return {"sigma": rng.uniform(*self.sigma)}

    def change(self, image: np.ndarray, drawn: Drawn) -> np.ndarray:
        sigma = (drawn["sigma"], drawn["sigma"], 0)
        return gaussian_filter(image, sigma, mode="mirror")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Noise(PixelEntry):
    """Adds independent Gaussian noise to each value."""

    name: ClassVar[str] = "noise"

    sigma: tuple[float, float] = interval(
        (0.0, 0.05),
        0,
        1,
        help="The smallest and the largest standard deviation of the noise, as "
        "fractions of the value range of the images. For each crop, a value between "
        "them is drawn uniformly.",
    )

    def draw(self, rng: np.random.Generator) -> Drawn:
        return {
            "sigma": rng.uniform(*self.sigma),
            "seed": int(rng.integers(2**32)),
        }

    def change(self, image: np.ndarray, drawn: Drawn) -> np.ndarray:
        noise = np.random.default_rng(drawn["seed"])
        values = noise.standard_normal(image.shape, np.float32)
        return image + np.float32(drawn["sigma"]) * values


@dataclasses.dataclass(frozen=True, kw_only=True)
class Jpeg(PixelEntry):
    """Adds the artifacts of JPEG compression.

    A copy of the image with 8 bits per channel is encoded and decoded. The resulting
    change is added to the image, so images with more bits keep their precision. Images
    of three channels are encoded in color. In other images, each channel is encoded as
    a gray image.
    """

    name: ClassVar[str] = "jpeg"

    quality: tuple[float, float] = interval(
        (30, 95),
        1,
        100,
        help="The lower and upper limit of the quality setting of the JPEG encoder, "
        "from 1 to 100. The setting is drawn uniformly for each crop.",
    )

    def draw(self, rng: np.random.Generator) -> Drawn:
        return {"quality": int(np.floor(rng.uniform(*self.quality) + 0.5))}

    def change(self, image: np.ndarray, drawn: Drawn) -> np.ndarray:
        levels = rounded(np.clip(image, 0, 1) * 255, np.dtype(np.uint8))
        if image.shape[-1] == 3:
            decoded = compressed(levels, drawn["quality"])
        else:
            channels = np.moveaxis(levels, -1, 0)
            decoded = np.stack(
                [compressed(part, drawn["quality"]) for part in channels], -1
            )
        return image + (decoded.astype(np.float32) - levels) / 255


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cutout(SceneEntry):
    """Fills random rectangles of the crop with the mean color of the dataset."""

    name: ClassVar[str] = "cutout"

    count: int = whole(1, 1, 100, help="The number of filled rectangles in each crop.")
    side: tuple[float, float] = interval(
        (0.1, 0.3),
        0,
        1,
        help="The smallest and the largest side of a rectangle, as "
        "fractions of the crop's sides. The height and the width are drawn uniformly "
        "between them.",
    )
    label: str = choice(
        "void",
        "keep",
        help="What happens to the labels in the filled rectangles. 'void' sets them to "
        "the ignore index, and 'keep' leaves them unchanged.",
    )

    def apply(
        self,
        scene: Scene,
        rng: np.random.Generator,
        partner: Callable[[np.random.Generator], Scene],
    ) -> tuple[Scene, Drawn]:
        image, label = scene.image.copy(), scene.label.copy()
        boxes = [rectangle(rng, label.shape, self.side) for _ in range(self.count)]
        for top, left, bottom, right in boxes:
            fill = rounded(np.array(scene.frame.fill), image.dtype)
            image[top:bottom, left:right] = fill
            if self.label == "void":
                label[top:bottom, left:right] = scene.frame.void
        return dataclasses.replace(scene, image=image, label=label), {"boxes": boxes}


def rectangle(
    rng: np.random.Generator, size: tuple[int, int], side: tuple[float, float]
) -> list[int]:
    """Draws the position and the size of a random rectangle inside a crop.

    Args:
      rng: The random number generator.
      size: The (H, W) of the crop.
      side: The smallest and the largest side of the rectangle, as fractions of `size`.

    Returns:
      A list [top, left, bottom, right] in pixels. The row `bottom` and the column
      `right` are the first ones after the rectangle.
    """
    height, width = (round(rng.uniform(*side) * whole_side) for whole_side in size)
    top = int(rng.integers(size[0] - height + 1))
    left = int(rng.integers(size[1] - width + 1))
    return [top, left, top + height, left + width]


def compressed(pixels: np.ndarray, quality: int) -> np.ndarray:
    """Returns uint8 pixels [H, W] or [H, W, 3] after encoding and decoding as JPEG."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="JPEG", quality=quality)
    return np.asarray(Image.open(buffer))
