"""Segments images in tiles, with the result of the whole image up to rounding."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from jaxseg.inference.exact.options import ExactOptions
from jaxseg.inference.exact.padded import PaddedPixels
from jaxseg.inference.exact.tiled import TiledNetwork
from jaxseg.inference.image_network import ImageNetwork
from jaxseg.inference.predict import round_up
from jaxseg.inference.predict_options import PredictOptions
from jaxseg.inference.windows.grid import Box
from jaxseg.inference.windows.inputs import ArrayPixels, Pixels
from jaxseg.inference.windows.stream import Rows
from jaxseg.ops.open_size import ImageTooSmall
from jaxseg.typing import Size

_KEPT = 8  # The number of sizes of images whose compiled programs are kept.
_SHOWN = 3  # The number of sizes whose costs are shown.


class ExactSegmentation:
    """Segments images in tiles, with the result of the whole image up to rounding.

    Images are preprocessed as if they were segmented as a whole.
    """

    def __init__(
        self,
        network: ImageNetwork,
        variables: Any,
        options: ExactOptions,
        *,
        multiple: int = 1,
    ) -> None:
        """Takes a network and the options of the tiles.

        Args:
          network: The network with its preprocessing.
          variables: The variables of the network.
          options: The size of the tiles, and the limits of what they may read.
          multiple: The method `rows` pads the height and width of images to multiples
            of this number of pixels.
        """
        self._network, self._variables, self._options = network, variables, options
        self._multiple = multiple
        self._tiled: dict[Size, TiledNetwork] = {}
        self._labels = lambda logits: (network.labels_of(logits),)
        self._both = lambda logits: network.both_of(logits)

    def tiled(self, size: Size) -> TiledNetwork:
        """Returns the `TiledNetwork` that computes images of one size in tiles.

        It is created at the first call for a size, and kept for a few sizes.

        Args:
          size: The height and width of the images.

        Raises:
          ValueError: If the network cannot be computed exactly in tiles within the
            limits.
        """
        if size not in self._tiled:
            if len(self._tiled) == _KEPT:
                del self._tiled[next(iter(self._tiled))]
            spec = self._network.spec
            self._tiled[size] = TiledNetwork(
                self._network.logits,
                self._variables,
                (1, *size, spec.channels),
                spec.image_dtype,
                options=self._options,
            )
        return self._tiled[size]

    def padded(self, size: Size) -> Size:
        """Returns the height and width to which the method `rows` pads an image.

        Args:
          size: The height and width of the image.
        """
        height, width = (round_up(int(side), self._multiple) for side in size)
        return height, width

    def rows(self, pixels: Pixels, *, start: int = 0) -> Iterator[Rows]:
        """Yields the classes of an image from top to bottom, a few rows at a time.

        Args:
          pixels: The image, of the type in the dataset's specification.
          start: The number of rows at the top of the image that are not returned.

        Yields:
          Rows of classes, integers [n, W], or booleans [n, W, K] if classes can
            overlap.
        """
        height, width = pixels.size
        color = np.array(self._network.spec.mean_color, pixels.dtype)
        padded = PaddedPixels(pixels, self.padded(pixels.size), color)
        for strip in self._strips(padded, self._labels, start):
            first = max(start, strip.first)
            found = strip.parts[0][first - strip.first : height - strip.first, :width]
            if len(found):
                yield Rows(first, found)

    def _strips(self, pixels: Pixels | PaddedPixels, finish, start: int = 0):
        def read(top, left, height, width):
            box = Box(top, left, top + height, left + width)
            return pixels.read(box)[None]

        height, width = pixels.size
        return self.tiled((height, width)).strips(read, finish, start=start)

    def segment(
        self, pixels: np.ndarray, *, soft: bool
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Segments a batch of images that have equal sizes.

        Args:
          pixels: The images [B, H, W, C].
          soft: Whether to return probabilities, too.

        Returns:
          The classes, and the probabilities or None. Their shapes and types are those
          of `ImageNetwork.labels_and_probabilities`.
        """
        finish = self._both if soft else self._labels
        found = []
        for image in pixels:
            strips = list(self._strips(ArrayPixels(image), finish))
            parts = zip(*(strip.parts for strip in strips), strict=True)
            found.append([np.concatenate(part) for part in parts])
        labels, *rest = (np.stack(part) for part in zip(*found, strict=True))
        return labels, rest[0] if rest else None


def costs(segmentation: ExactSegmentation, sizes: list[Size]) -> list[str]:
    """Returns lines of text with the costs of tiles for the three largest image sizes.

    If there are further sizes, one more line states their number.

    Args:
      segmentation: The network and the options of the tiles.
      sizes: The heights and widths of the images.

    Raises:
      ValueError: If the network cannot be computed exactly in tiles within the limits.
    """
    padded = {segmentation.padded(size) for size in sizes}
    ordered = sorted(padded, key=lambda size: -size[0] * size[1])
    lines = []
    for height, width in ordered[:_SHOWN]:
        try:
            cost = segmentation.tiled((height, width)).cost
        except ImageTooSmall as error:  # The prediction reports it for each image.
            cost = error
        lines.append(f"{height} x {width} pixels: {cost}")
    if len(ordered) > _SHOWN:
        lines.append(f"and {len(ordered) - _SHOWN} smaller sizes of images")
    return lines


def check_alone(options: PredictOptions, *, several: bool) -> None:
    """Raises ValueError if mode="exact" does not support another option that is set.

    Args:
      options: The options of the prediction.
      several: Whether several predictions for an image are averaged, for example those
        of several networks. mode="exact" does not support this.
    """
    chosen = {
        f"scales={options.scales}": options.scales != (1.0,),
        "flip=True": options.flip,
        f"stride={options.stride}": options.stride is not None,
        f"blend={options.blend!r}": options.blend != "uniform",
        f"accumulate={options.accumulate!r}": options.accumulate != "auto",
        "an average of several predictions": several,
    }
    for name, is_set in chosen.items():
        if is_set:
            raise ValueError(
                f"{name} is invalid with mode='exact': expected a single prediction "
                "in tiles whose outputs do not overlap. Leave the option out, or use "
                "mode='slide'."
            )
