"""ResNet-18/34/50/101/152 at any output stride (arXiv 1512.03385).

The module `resnet_variant` describes how the ResNets of several libraries differ. All
padding is symmetric, so the results for even and odd input sizes equal those of
PyTorch's networks. Atrous rates follow DeepLab v3 (arXiv 1706.05587, section 3).
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from flax import linen as nn

from jaxseg.backbones.resnet_variant import (
    FIELDS,
    TORCHVISION,
    ResNetVariant,
    resnet_variant,
)
from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.layers import ConvNormAct
from jaxseg.nn.residual import BasicBlock, Bottleneck
from jaxseg.ops.pool import max_pool
from jaxseg.typing import Array, Pyramid

BLOCKS = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}


@dataclasses.dataclass(frozen=True)
class Unit:
    """Holds the stride and the atrous rates of one residual block.

    Attributes:
      stride: Stride of the block.
      first_rate: Atrous rate of the layer that has the stride in the network without
        atrous rates.
      rate: Atrous rate of the layers that follow.
      pooled: Whether the block halves the size of the map in the network without atrous
        rates.
    """

    stride: int = 1
    first_rate: int = 1
    rate: int = 1
    pooled: bool = False


def plan_units(
    blocks: tuple[int, ...],
    output_stride: int,
    *,
    multi_grid: tuple[int, ...] = (1, 1, 1),
    variant: ResNetVariant = TORCHVISION,
) -> tuple[tuple[Unit, ...], ...]:
    """Plans the strides and rates of all residual units of the stages c2 to c5.

    The stages have strides 4, 8, 16 and 32. A stage whose stride would exceed
    `output_stride` keeps the size of the map and doubles the rates of all later layers.

    Args:
      blocks: Number of units of each stage.
      output_stride: 4, 8, 16 or 32.
      multi_grid: Factors on the rates of the last stage, repeated for a longer stage.
      variant: The variant. Only its fields `stride_in`, `eager_rate` and `stage_rates`
        matter.

    Returns:
      For each stage, a tuple with a `Unit` (stride and rates) for each residual unit.

    Raises:
      ValueError: If the output stride is not allowed.
    """
    if output_stride not in (4, 8, 16, 32):
        raise ValueError(
            f"output_stride={output_stride} is invalid: expected 4, 8, 16 or 32."
        )
    place = "last" if variant.stride_in == "last" else "first"
    reached, rate, plan = 4, 1, []
    for stage, count in enumerate(blocks):
        units = []
        halves_at = None
        if place == "first" and stage > 0:
            halves_at = 0
        if place == "last" and stage < len(blocks) - 1:
            halves_at = count - 1
        for i in range(count):
            grid = multi_grid[i % len(multi_grid)] if stage == len(blocks) - 1 else 1
            before, stride = rate, 1
            if i == halves_at:
                if reached < output_stride:
                    stride, reached = 2, reached * 2
                else:
                    rate *= 2
                    before = rate if variant.eager_rate else before
            if variant.stage_rates is not None:
                rate = variant.stage_rates[stage]
                before = max(1, rate // 2) if i == 0 else rate
            units.append(
                Unit(
                    stride,
                    first_rate=before * grid,
                    rate=rate * grid,
                    pooled=i == halves_at,
                )
            )
        plan.append(tuple(units))
    return tuple(plan)


class ResNet(nn.Module):
    """Computes maps "c1" (stride 2), "c2" (4), "c3" (8), "c4" (16) and "c5" (32).

    Levels whose stride would exceed `output_stride` have the stride `output_stride` and
    atrous rates instead.

    Attributes:
      depth: 18, 34, 50, 101 or 152.
      output_stride: 4, 8, 16 or 32.
      variant: The library's variant of the ResNet, such as `CAFFE` or
        `ResNetVariant(stem="d")`.
      multi_grid: Factors on the rates of the units of the last stage (DeepLab v3).
      width: Number of channels of the first stage. Values other than 64 are meant for
        tests.
      blocks: Number of units of each stage; None takes the numbers that belong to
        `depth`.
      style: The normalization and the data type of all layers, see `BlockConfig`.

    Raises:
      ValueError: If an option, or a combination of options, is not allowed.
    """

    depth: int = 50
    output_stride: int = 32
    variant: ResNetVariant = TORCHVISION
    multi_grid: tuple[int, ...] = (1, 1, 1)
    width: int = 64
    blocks: tuple[int, ...] | None = None
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, image: Array, *, train: bool = False) -> Pyramid:
        self._check()
        variant = self.variant
        stem = _Stem(variant.stem, self.width, self.style, name="stem")
        pyramid = {"c1": stem(image, train=train)}
        x = max_pool(pyramid["c1"], window=3, stride=2, padding=1, ceil=variant.ceil)
        plan = plan_units(
            self.blocks or BLOCKS[self.depth],
            self.output_stride,
            multi_grid=self.multi_grid,
            variant=variant,
        )
        for stage, units in enumerate(plan):
            taken = None
            for i, unit in enumerate(units):
                if variant.stride_in == "last" and unit.pooled:
                    taken = x
                name = f"layer{stage + 1}_{i}"
                x = self._block(self.width * 2**stage, unit, name)(x, train=train)
            pyramid[f"c{stage + 2}"] = x if taken is None else taken
        return pyramid

    def _check(self):
        if self.depth not in BLOCKS:
            raise ValueError(
                f"depth={self.depth} is invalid: expected one of {sorted(BLOCKS)}."
            )
        stride_in = self.variant.stride_in
        blocks = self.blocks or BLOCKS[self.depth]
        if stride_in == "last" and min(blocks[:-1]) < 2:
            raise ValueError(
                f"blocks={self.blocks} is invalid: expected at least two units in each "
                "stage with stride_in='last', because one changes the number of "
                "channels and another one halves the map."
            )
        if stride_in != "conv2" and self.depth < 50:
            raise ValueError(
                f"stride_in={stride_in!r} is invalid: expected 'conv2' at "
                f"depth={self.depth}, which has basic blocks. Choose a depth of 50 or "
                "more for bottlenecks."
            )

    def _block(self, features, unit, name):
        variant = self.variant
        shortcut, pool_rate = variant.shortcut(unit.stride), unit.first_rate
        if variant.dense_pool == "adjacent":
            pool_rate = 1
        options = {
            "shortcut": shortcut,
            "shortcut_rate": pool_rate,
            "style": self.style,
            "name": name,
        }
        if self.depth < 50:
            return BasicBlock(
                features,
                stride=unit.stride,
                first_rate=unit.first_rate,
                rate=unit.rate if variant.second_rate else 1,
                pooled=unit.pooled,
                **options,
            )
        last, first = variant.stride_in == "last", variant.stride_in == "conv1"
        return Bottleneck(
            features,
            stride=unit.stride,
            # With the stride in conv1, the 3x3 comes after it and takes the new rate.
            rate=unit.rate if first or not unit.pooled else unit.first_rate,
            pooled=unit.pooled and not last,
            stride_in="conv1" if first else "conv2",
            subsample=last and unit.pooled,
            **options,
        )


def create_resnet(
    depth: int,
    output_stride: int = 32,
    *,
    variant: ResNetVariant | str | Mapping[str, Any] = TORCHVISION,
    style: BlockConfig = BlockConfig(),
    **options,
) -> ResNet:
    """Creates a ResNet from a variant; options can replace fields of the variant.

    >>> create_resnet(50, 8, variant="mmseg", stem="d").variant.dense_pool
    'none'

    Args:
      depth: 18, 34, 50, 101 or 152.
      output_stride: 4, 8, 16 or 32.
      variant: A `ResNetVariant`, a name of `VARIANTS`, or fields of a `ResNetVariant`.
      style: The normalization and the data type of all layers, see `BlockConfig`.
      **options: Fields of `ResNetVariant`, which replace those of the variant, and
        further attributes of `ResNet`.
    """
    fields = {name: options.pop(name) for name in FIELDS if name in options}
    return ResNet(
        depth,
        output_stride,
        variant=resnet_variant(variant, **fields),
        style=style,
        **options,
    )


class _Stem(nn.Module):
    """Halves the image with one 7x7 or three 3x3 convolutions."""

    kind: str
    width: int
    style: BlockConfig

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        if self.kind == "7x7":
            plan: tuple[tuple[int, int, int], ...] = ((self.width, 7, 2),)
        else:
            half = self.width if self.kind == "beta" else self.width // 2
            last = self.width * 2 if self.kind == "beta" else self.width
            plan = ((half, 3, 2), (half, 3, 1), (last, 3, 1))
        for i, (features, kernel, stride) in enumerate(plan):
            x = ConvNormAct(
                features, kernel, stride, style=self.style, name=f"conv{i + 1}"
            )(x, train=train)
        return x
