"""Defines the function that an exported file contains.

It maps the pixels of images to classes or probabilities.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

import jax.numpy as jnp
import numpy as np

from jaxseg.inference.image_network import ImageNetwork
from jaxseg.inference.segmenter import Segmenter
from jaxseg.ops.open_size import is_open
from jaxseg.typing import Array, Size

Output = Literal["classes", "probabilities"]


@dataclasses.dataclass(frozen=True, eq=False)
class Program:
    """Describes the function that is exported, and the arrays that it takes.

    The function pads images to multiples of `multiple` pixels with the mean color, runs
    the network and crops the result, as `Segmenter.predict` and `jaxseg predict` do.

    Attributes:
      network: The network with its preprocessing.
      variables: The parameters and statistics of the network.
      output: "classes" for the most probable class of each pixel, [B, H, W], or
        "probabilities" for the probabilities of all classes, float32 [B, H, W, K].
      size: The height and width of the images, or None for any size.
      batch: The number of images in a call, or None for any number.
      multiple: Images are padded until their height and width are multiples of this
        number.
    """

    network: ImageNetwork
    variables: Any
    output: Output = "classes"
    size: Size | None = None
    batch: int | None = None
    multiple: int = 1

    @classmethod
    def of(
        cls,
        segmenter: Segmenter,
        variables: Any,
        *,
        output: Output = "classes",
        size: Size | None = None,
        batch: int | None = None,
    ) -> Program:
        """Returns the program that computes what `segmenter.predict` computes.

        Args:
          segmenter: The network with its options. Its mode must be "whole", because an
            exported file does not divide images into windows.
          variables: The parameters and statistics of the network.
          output: What the program returns: "classes" or "probabilities", see `Program`.
          size: The height and width of the images, or None for any size.
          batch: The number of images in a call, or None for any number.
        """
        return cls(
            segmenter.network,
            variables,
            output=output,
            size=size,
            batch=batch,
            multiple=segmenter.options.padding,
        )

    @property
    def input_type(self) -> np.dtype:
        """Returns the type of the pixels that the program takes."""
        return np.dtype(self.network.spec.image_dtype)

    @property
    def channels(self) -> int:
        """Returns the number of channels of the images that the program takes."""
        return self.network.spec.channels

    @property
    def output_type(self) -> np.dtype:
        """Returns the type of the results: uint8 or uint16 for classes, or float32."""
        if self.output == "probabilities":
            return np.dtype(np.float32)
        # The numbers of up to 256 classes fit into uint8.
        few = self.network.output_spec.num_classes <= 256
        return np.dtype(np.uint8 if few else np.uint16)

    def apply(self, variables: Any, pixels: Array) -> Array:
        """Computes the classes or probabilities of images.

        Args:
          variables: The parameters and statistics of the network.
          pixels: The images as stored, [B, H, W, C], of the type `input_type`.

        Returns:
          The classes, `output_type` [B, H, W] or, if classes can overlap, 0 or 1
          [B, H, W, K]. With "probabilities", float32 [B, H, W, K].
        """
        height, width = pixels.shape[1:3]
        padded = self._padded(pixels)
        if self.output == "classes":
            found = self.network.labels(variables, padded).astype(self.output_type)
        else:
            _, found = self.network.labels_and_probabilities(variables, padded)
        return found[:, :height, :width]

    def __call__(self, pixels: Array) -> Array:
        """Calls `apply` with `self.variables`. Tracing turns them into constants."""
        return self.apply(self.variables, pixels)

    def _padded(self, pixels: Array) -> Array:
        """Pads images at the right and bottom to multiples of `multiple` pixels.

        The added pixels have the mean color of the network.
        """
        color = jnp.asarray(self.network.spec.mean_color, pixels.dtype)
        for axis in (2, 1):
            side = pixels.shape[axis]
            missing = -(-side // self.multiple) * self.multiple - side
            if not is_open(missing) and missing == 0:
                continue
            shape = list(pixels.shape)
            shape[axis] = missing
            edge = jnp.broadcast_to(color[None, None, None], tuple(shape))
            pixels = jnp.concatenate([pixels, edge], axis=axis)
        return pixels
