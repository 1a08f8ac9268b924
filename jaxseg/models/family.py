"""Describes a family of networks by its head and the feature maps that it reads."""

import dataclasses
from collections.abc import Callable

from flax import linen as nn

from jaxseg.backbones.backbone import Backbone


@dataclasses.dataclass(frozen=True)
class Family:
    """Describes a head that is put on a backbone by name.

    Attributes:
      compose: Maps the number of classes and a backbone to the network. Its keywords
        are `style` and options.
      reads: Pairs of the name of each feature map that the head reads, such as "c5",
        and the largest stride of this map that the head accepts.
      output_stride: The default output stride of the backbone, used if the backbone
        supports it.
      exact: Whether each feature map must have the stride in `reads`, and not a smaller
        one.
      equal: Whether all feature maps must have the same stride, as the maps of a vision
        transformer do.
      pads: Whether the family supports backbones that pad the image to a multiple of a
        patch, such as ViT.
      scales_rates: Whether the atrous rates of the head depend on the output stride of
        the backbone, which `compose` then takes as the keyword `output_stride`.
    """

    compose: Callable[..., nn.Module]
    reads: tuple[tuple[str, int], ...]
    output_stride: int = 8
    exact: bool = False
    equal: bool = False
    pads: bool = True
    scales_rates: bool = False

    def stride_on(self, backbone: Backbone) -> int:
        """Returns the default output stride of a backbone for this family.

        It is the smallest output stride of the backbone that is at least the attribute
        `output_stride`. If there is none, it is the largest of the backbone.
        """
        larger = [s for s in backbone.output_strides if s >= self.output_stride]
        return larger[0] if larger else backbone.native_stride

    def misfit(self, backbone: Backbone, output_stride: int | None = None) -> str:
        """Returns the reason why a backbone does not fit the head, or "" if it fits.

        Args:
          backbone: The entry of the backbone in `jaxseg.backbones.catalog.BACKBONES`.
          output_stride: The output stride of the backbone; None takes the result of
            `stride_on`.
        """
        strides = backbone.strides(output_stride or self.stride_on(backbone))
        for level, coarsest in self.reads:
            if level not in strides:
                return f"no {level} (it has {', '.join(strides)})"
            stride = strides[level]
            if stride > coarsest or (self.exact and stride != coarsest):
                limit = "" if self.exact else " or finer"
                return f"{level} at stride {stride} instead of {coarsest}{limit}"
        found = {level: strides[level] for level, _ in self.reads}
        if self.equal and len(set(found.values())) > 1:
            listed = ", ".join(f"{level} at {s}" for level, s in found.items())
            return f"maps of different strides ({listed}) instead of equal ones"
        if backbone.patch > 1 and not self.pads:
            return f"maps of an image that is padded to multiples of {backbone.patch}"
        return ""
