"""ResNet-18/34/50/101/152 at a free output stride (arXiv 1512.03385).

Stems: "7x7" (v1, torchvision); "c" and "d" (three 3x3 convolutions, "d" also with
average pooling in the shortcuts; arXiv 1812.01187); "beta" (three 3x3 convolutions that
end with 128 channels, as in DeepLab and PSPNet). All padding is symmetric, so even and
odd inputs agree with PyTorch's networks. Dense networks follow DeepLab v3 (arXiv
1706.05587, section 3).
"""

import dataclasses

from flax import linen as nn

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
_STEMS = ("7x7", "c", "d", "beta")
_STRIDE_IN = ("conv1", "conv2", "last")
_DENSE_POOLS = ("atrous", "adjacent", "none")


@dataclasses.dataclass(frozen=True)
class Unit:
    """Holds the stride and the atrous rates of one residual block.

    Attributes:
      stride: Stride of the block.
      first_rate: Rate of the layer that has, or had, the stride.
      rate: Rate of the layers after it.
      pooled: Whether the block halves the map in its strided form.
    """

    stride: int = 1
    first_rate: int = 1
    rate: int = 1
    pooled: bool = False


def plan_units(
    blocks: tuple[int, ...],
    output_stride: int,
    multi_grid: tuple[int, ...] = (1, 1, 1),
    stride_in: str = "conv2",
    eager_rate: bool = False,
    stage_rates: tuple[int, ...] | None = None,
) -> tuple[tuple[Unit, ...], ...]:
    """Plans strides and rates of all units of the stages c2 to c5.

    The stages have strides 4, 8, 16 and 32. A stage that would exceed `output_stride`
    keeps the size and doubles the rates of all later layers.

    Args:
      blocks: Number of units of each stage.
      output_stride: 4, 8, 16 or 32.
      multi_grid: Factors on the rates of the last stage, repeated for a longer stage.
      stride_in: See `ResNet`.
      eager_rate: Whether the layer that had the stride already takes the doubled rate.
      stage_rates: Rates of the stages, independent of the strides. The first unit of a
        stage takes half of the rate.

    Returns:
      The units of each stage.

    Raises:
      ValueError: If the output stride is not allowed.
    """
    if output_stride not in (4, 8, 16, 32):
        raise ValueError(
            f"output_stride={output_stride} is invalid: expected 4, 8, 16 or 32."
        )
    place = {"conv1": "first", "conv2": "first", "last": "last"}[stride_in]
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
                    before = rate if eager_rate else before
            if stage_rates is not None:
                rate = stage_rates[stage]
                before = max(1, rate // 2) if i == 0 else rate
            units.append(Unit(stride, before * grid, rate * grid, i == halves_at))
        plan.append(tuple(units))
    return tuple(plan)


class ResNet(nn.Module):
    """Returns "c1" (stride 2), "c2" (4), "c3" (8), "c4" (16) and "c5" (32).

    Levels whose stride would exceed `output_stride` have that stride, and atrous rates.

    Attributes:
      depth: 18, 34, 50, 101 or 152.
      output_stride: 4, 8, 16 or 32.
      multi_grid: Factors on the rates of the units of the last stage (DeepLab v3).
      stem: "7x7", "c", "d" or "beta".
      stride_in: The layer that has the stride: "conv2" (torchvision), "conv1" (Caffe),
        or "last": the last unit of the preceding stage (TF-slim, DeepLab v3's own
        networks). c2 to c4 are then taken before that unit.
      width: Number of channels of the first stage. Only tests use others than 64.
      blocks: Number of units of each stage; None takes those of the depth.
      style: See `BlockConfig`.
      eager_rate: Whether the layer that lost its stride already takes the new rate.
        Differs: segmentation_models.pytorch does so. The dense network then no longer
        equals the strided one.
      dense_pool: What the stem "d" averages in a shortcut that lost its stride.
        "atrous" takes the pixels that the strided network averages, "adjacent" takes
        neighbors, with zeros outside the map (timm), and "none" does not average
        (MMSegmentation).
      second_rate: Whether the second convolution of a basic block is atrous as well. In
        MMSegmentation only the first one is.
      stage_rates: Rates of the four stages, independent of their strides, as in
        MMSegmentation's FastFCN. None derives them from `output_stride`.
      ceil: Whether the max pooling follows Caffe's size rule (DeepLab v2): an even side
        of n pixels becomes n / 2 + 1 cells. PyTorch's networks have the floor rule.

    Raises:
      ValueError: If an option, or a combination of options, is not allowed.
    """

    depth: int = 50
    output_stride: int = 32
    multi_grid: tuple[int, ...] = (1, 1, 1)
    stem: str = "7x7"
    stride_in: str = "conv2"
    width: int = 64
    blocks: tuple[int, ...] | None = None
    style: BlockConfig = BlockConfig()
    eager_rate: bool = False
    dense_pool: str = "atrous"
    second_rate: bool = True
    stage_rates: tuple[int, int, int, int] | None = None
    ceil: bool = False

    @nn.compact
    def __call__(self, image: Array, *, train: bool = False) -> Pyramid:
        self._check()
        x = _Stem(self.stem, self.width, self.style, name="stem")(image, train=train)
        pyramid = {"c1": x}
        x = max_pool(x, window=3, stride=2, padding=1, ceil=self.ceil)
        blocks = self.blocks or BLOCKS[self.depth]
        plan = plan_units(
            blocks,
            self.output_stride,
            self.multi_grid,
            self.stride_in,
            self.eager_rate,
            self.stage_rates,
        )
        for stage, units in enumerate(plan):
            taken = None
            for i, unit in enumerate(units):
                if self.stride_in == "last" and unit.pooled:
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
        if self.stem not in _STEMS:
            raise ValueError(
                f"stem={self.stem!r} is invalid: expected one of {_STEMS}."
            )
        if self.dense_pool not in _DENSE_POOLS:
            raise ValueError(
                f"dense_pool={self.dense_pool!r} is invalid: expected one of "
                f"{_DENSE_POOLS}."
            )
        if self.stride_in not in _STRIDE_IN:
            raise ValueError(
                f"stride_in={self.stride_in!r} is invalid: expected one of "
                f"{_STRIDE_IN}."
            )
        if (
            self.stride_in == "last"
            and min((self.blocks or BLOCKS[self.depth])[:-1]) < 2
        ):
            raise ValueError(
                f"blocks={self.blocks} is invalid: expected at least two units in each "
                "stage with stride_in='last', one that widens and one that halves the "
                "map."
            )
        if self.stride_in != "conv2" and self.depth < 50:
            raise ValueError(
                f"stride_in={self.stride_in!r} is invalid: expected 'conv2' at "
                f"depth={self.depth}, which has basic blocks. Choose a depth of 50 or "
                "more for bottlenecks."
            )

    def _block(self, features, unit, name):
        shortcut = "avg" if self.stem == "d" else "conv"
        if self.dense_pool == "none" and unit.stride == 1:
            shortcut = "conv"
        if self.dense_pool == "adjacent" and shortcut == "avg":
            shortcut = "avg_zero"
        pool_rate = 1 if self.dense_pool == "adjacent" else unit.first_rate
        if self.depth < 50:
            return BasicBlock(
                features,
                unit.stride,
                unit.first_rate,
                unit.rate if self.second_rate else 1,
                unit.pooled,
                shortcut,
                pool_rate,
                self.style,
                name=name,
            )
        last = self.stride_in == "last"
        return Bottleneck(
            features,
            unit.stride,
            # With the stride in conv1, the 3x3 comes after it and takes the new rate.
            unit.rate
            if self.stride_in == "conv1" or not unit.pooled
            else unit.first_rate,
            unit.pooled and not last,
            shortcut,
            "conv1" if self.stride_in == "conv1" else "conv2",
            subsample=last and unit.pooled,
            shortcut_rate=pool_rate,
            style=self.style,
            name=name,
        )


class _Stem(nn.Module):
    """Halves the image with one 7x7 or three 3x3 convolutions."""

    kind: str
    width: int
    style: BlockConfig

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        if self.kind == "7x7":
            plan = ((self.width, 7, 2),)
        else:
            half = self.width if self.kind == "beta" else self.width // 2
            last = self.width * 2 if self.kind == "beta" else self.width
            plan = ((half, 3, 2), (half, 3, 1), (last, 3, 1))
        for i, (features, kernel, stride) in enumerate(plan):
            x = ConvNormAct(
                features, kernel, stride, style=self.style, name=f"conv{i + 1}"
            )(x, train=train)
        return x
