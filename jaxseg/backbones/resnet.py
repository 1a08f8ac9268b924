"""ResNet-18/34/50/101/152 with a free output stride (arXiv 1512.03385).

Stems: "7x7" (v1, torchvision), "c" and "d" (three 3x3 convolutions, "d" with average
pooling in the shortcuts; arXiv 1812.01187), "beta" (three 3x3 convolutions ending in
128 channels: DeepLab, PSPNet). All padding is symmetric, so even and odd inputs agree
with PyTorch's networks; dense networks follow DeepLab v3 (arXiv 1706.05587, section 3).
"""

import dataclasses

from flax import linen as nn

from jaxseg.nn.block_config import Style
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
    """Where one residual block stands: its stride and its rates.

    `first_rate` belongs to the layer that holds (or held) the stride, `rate` to those
    behind it; `pooled` marks the unit whose strided form halves the map.
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
    """Strides and rates of every unit of the stages c2 ... c5.

    The stages stand at strides 4, 8, 16, 32; one that would exceed `output_stride`
    keeps its size and doubles the rate of all that follows. `multi_grid` multiplies the
    rates of the last stage, repeated when the stage is longer. `eager_rate` doubles the
    rate one layer early, in the layer that held the stride. `stage_rates` are the rates
    beside whatever strides there are; a stage's first unit takes half of its rate.
    """
    if output_stride not in (4, 8, 16, 32):
        raise ValueError(
            f"output_stride {output_stride} is not possible; allowed are 4, 8, 16, 32"
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
    """Image [B, H, W, C] -> {"c1": stride 2, "c2": 4, "c3": 8, "c4": 16, "c5": 32}.

    Strides beyond `output_stride` stay at it, with atrous rates instead.

    Attributes:
      depth: 18, 34, 50, 101 or 152.
      output_stride: 4, 8, 16 or 32.
      multi_grid: factors on the rates of the last stage's units (DeepLab v3).
      stem: "7x7", "c", "d" or "beta".
      stride_in: "conv2" (torchvision), "conv1" (Caffe), or "last": the last unit of
        the previous stage (TF-slim, DeepLab v3's own networks); c2 ... c4 are then
        taken before that unit.
      eager_rate: dilate the converted layer itself as well. Differs: segmentation_
        models.pytorch does; the dense network then no longer equals the strided one.
      dense_pool: what stem "d" averages in a shortcut that lost its stride: "atrous",
        the pixels that the strided network averages; "adjacent" ones, zeros beyond the
        map (timm); or "none" (MMSegmentation).
      second_rate: of basic blocks the second convolution is atrous too; in
        MMSegmentation's the first alone is.
      stage_rates: rates of the four stages beside their strides, as MMSegmentation's
        FastFCN has them; by default they follow from `output_stride`.
      width: channels of the first stage; 64 but in tests.
      blocks: units per stage, when they differ from the depth's.
      ceil: Caffe's size rule for the max pooling (DeepLab v2): an even side of n pixels
        becomes n / 2 + 1 cells. PyTorch's networks have the floor rule.
    """

    depth: int = 50
    output_stride: int = 32
    multi_grid: tuple[int, ...] = (1, 1, 1)
    stem: str = "7x7"
    stride_in: str = "conv2"
    width: int = 64
    blocks: tuple[int, ...] | None = None
    style: Style = Style()
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
                f"depth {self.depth} is unknown; allowed are {sorted(BLOCKS)}"
            )
        if self.stem not in _STEMS:
            raise ValueError(f"stem {self.stem!r} is unknown; allowed are {_STEMS}")
        if self.dense_pool not in _DENSE_POOLS:
            raise ValueError(
                f"dense_pool {self.dense_pool!r} is unknown; allowed are {_DENSE_POOLS}"
            )
        if self.stride_in not in _STRIDE_IN:
            raise ValueError(
                f"stride_in {self.stride_in!r} is unknown; allowed are {_STRIDE_IN}"
            )
        if (
            self.stride_in == "last"
            and min((self.blocks or BLOCKS[self.depth])[:-1]) < 2
        ):
            raise ValueError(
                f"blocks {self.blocks}: with stride_in 'last' a stage needs two units, "
                "one that widens and one that halves the map"
            )
        if self.stride_in != "conv2" and self.depth < 50:
            raise ValueError(
                f"stride_in {self.stride_in!r} needs bottlenecks; depth {self.depth} "
                "has basic blocks"
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
            # the 3x3 sits before the stride's place only when it holds it
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
    """Image to half resolution: one 7x7 or three 3x3 convolutions."""

    kind: str
    width: int
    style: Style

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
