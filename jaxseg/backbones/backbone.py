"""Defines `Backbone`, which contains the properties of a backbone that heads need."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

from flax import linen as nn

from jaxseg.nn.block_config import BlockConfig


@dataclasses.dataclass(frozen=True)
class Backbone:
    """Describes a backbone that users choose by name and combine with a head.

    Attributes:
      make: A function that creates the module from keywords: `style`, `output_stride`
        if the backbone supports several, and options of the backbone.
      levels: The levels of the pyramid with their strides at the largest output stride,
        from fine to coarse.
      output_strides: The output strides that the backbone supports, in ascending order.
        Below the largest one, atrous rates replace strides, and no level has a stride
        above the output stride.
      weights: The libraries whose ImageNet weights `jaxseg convert` can import into
        this backbone.
      in_channels: Number of channels of an image.
      patch: The backbone pads the image to a multiple of `patch` pixels, and its maps
        cover the padded image.
    """

    make: Callable[..., nn.Module]
    levels: tuple[tuple[str, int], ...]
    output_strides: tuple[int, ...]
    weights: tuple[str, ...] = ()
    in_channels: int = 3
    patch: int = 1

    @property
    def native_stride(self) -> int:
        """Returns the largest output stride, at which the backbone has no atrous rates.

        >>> from jaxseg.backbones.catalog import BACKBONES
        >>> BACKBONES["resnet50"].native_stride
        32
        """
        return self.output_strides[-1]

    @property
    def factory(self) -> Callable[..., nn.Module]:
        """Returns a function that creates the backbone only from its own options."""
        fixed: dict[str, Any] = {"style": BlockConfig()}
        if len(self.output_strides) > 1:
            fixed["output_stride"] = self.native_stride
        return functools.partial(self.make, **fixed)

    def strides(self, output_stride: int | None = None) -> dict[str, int]:
        """Returns the stride of each level of the pyramid at an output stride.

        >>> from jaxseg.backbones.catalog import BACKBONES
        >>> BACKBONES["hrnet_w18"].strides()
        {'c2': 4, 'c3': 8, 'c4': 16, 'c5': 32}

        Args:
          output_stride: One of `output_strides`; None takes the largest.
        """
        largest = output_stride or self.native_stride
        return {level: min(stride, largest) for level, stride in self.levels}

    def create(
        self,
        output_stride: int | None = None,
        *,
        style: BlockConfig = BlockConfig(),
        **options: Any,
    ) -> nn.Module:
        """Creates the Flax module of the backbone.

        Args:
          output_stride: One of `output_strides`; None takes the largest.
          style: The normalization and the data type of all layers, see `BlockConfig`.
          **options: Options of the backbone, such as `width`.

        Raises:
          ValueError: If the output stride or an option is not allowed.
          TypeError: If the backbone does not have an option.
        """
        output_stride = output_stride or self.native_stride
        if output_stride not in self.output_strides:
            raise ValueError(
                f"output_stride={output_stride} is invalid: expected one of "
                f"{self.output_strides}."
            )
        if len(self.output_strides) > 1:
            options["output_stride"] = output_stride
        return self.make(style=style, **options)
