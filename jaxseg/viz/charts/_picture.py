"""Shows an image next to charts in a figure."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclasses.dataclass(frozen=True)
class Picture:
    """An image with a title. It is enlarged without blurring its pixels.

    Attributes:
      image: uint8 [H, W, 3].
      title: The title.
    """

    image: np.ndarray
    title: str = ""

    def draw(self, axes: Axes) -> None:
        """Draws the image and its title into axes of matplotlib."""
        axes.imshow(self.image)
        axes.set_title(self.title)
        axes.set_axis_off()
