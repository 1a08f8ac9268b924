"""ResNet with hybrid dilated convolution: a rate for each unit (arXiv 1702.08502).

Consecutive units have different rates, so that together they read every pixel. The stem
and the parameter names are those of a ResNet with `ResNetVariant("beta", "conv1")`, so
weights of such a ResNet can be loaded.
"""

from flax import linen as nn

from jaxseg.backbones.resnet import BLOCKS
from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.layers import ConvNormAct
from jaxseg.nn.residual import Bottleneck
from jaxseg.ops.pool import max_pool
from jaxseg.text import one_of
from jaxseg.typing import Array, Pyramid

_PLANS = ("none", "uniform", "conv", "rf", "bigger", "release")


def hdc_rates(plan: str, count: int, stage: int) -> tuple[int, ...]:
    """Returns the atrous rate of each unit of stage 4 or 5, at output stride 8.

    Args:
      plan: "none" has rate 1 everywhere. "uniform" has rate 2 in stage 4 and rate 4 in
        stage 5. "conv" alternates 2 and 1. "rf" cycles through 1, 2, 3 in stage 4
        (units after the last complete cycle have rate 2) and 3, 4, 5 in stage 5.
        "bigger", which has the highest mean IoU in the paper, cycles through 1, 2, 5, 9
        in stage 4 and 5, 9, 17 in stage 5. "release" starts the cycle of stage 4 with
        2 instead of 1.
      count: Number of units.
      stage: 4 or 5.

    Raises:
      ValueError: If the plan is unknown.

    >>> hdc_rates("bigger", 6, 4)
    (1, 2, 5, 9, 1, 2)
    """
    if plan not in _PLANS:
        raise ValueError(f"plan={plan!r} is invalid{one_of(plan, _PLANS)}")
    if plan in ("none", "uniform"):
        return (1 if plan == "none" else 2 ** (stage - 3),) * count
    cycle = {
        "conv": (2, 1),
        "rf": (1, 2, 3) if stage == 4 else (3, 4, 5),
        "bigger": (1, 2, 5, 9) if stage == 4 else (5, 9, 17),
    }["bigger" if plan == "release" else plan]
    rates = [cycle[i % len(cycle)] for i in range(count)]
    if plan == "rf" and stage == 4:
        whole = count // 3 * 3
        rates[whole:] = [2] * (count - whole)
    if plan == "release" and stage == 4:
        rates[0] = 2
    return tuple(rates)


class HDCResNet(nn.Module):
    """Computes maps "c1" (stride 2), "c2" (4), "c3" (8), "c4" and "c5".

    c4 has stride 16 and c5 stride 32, or the output stride if it is smaller.

    Attributes:
      depth: 50, 101 or 152.
      output_stride: 8, 16 or 32. The rates of a plan apply to output stride 8. At 16
        and 32, stages 4 and 5 have larger strides and proportionally smaller rates, at
        least 1.
      plan: The name of the sequence of the units' rates, such as "bigger" or "rf", see
        `hdc_rates`.
      rates: Rates of the units of stages 4 and 5, which replace the plan. They are
        repeated for further units, and do not depend on the output stride.
      width: Number of channels of the first stage.
      blocks: Number of units of each stage; None takes the numbers that belong to
        `depth`.
      style: The normalization and the data type of all layers, see `BlockConfig`.
      pool_padding: Padding of the 3x3 max pooling. Differs: the release does not pad.
        Here the default is one pixel.

    Raises:
      ValueError: If the output stride or the plan is not allowed.
    """

    depth: int = 101
    output_stride: int = 8
    plan: str = "bigger"
    rates: tuple[tuple[int, ...], tuple[int, ...]] | None = None
    width: int = 64
    blocks: tuple[int, ...] | None = None
    style: BlockConfig = BlockConfig()
    pool_padding: int = 1

    @nn.compact
    def __call__(self, image: Array, *, train: bool = False) -> Pyramid:
        if self.output_stride not in (8, 16, 32):
            raise ValueError(
                f"output_stride={self.output_stride} is invalid: expected 8, 16 or 32."
            )
        x = HDCStem(self.width, self.style, name="stem")(image, train=train)
        pyramid = {"c1": x}
        x = max_pool(x, window=3, stride=2, padding=self.pool_padding)
        for stage, count in enumerate(self.blocks or BLOCKS[self.depth], start=2):
            rates = self._rates(stage, count)
            for i in range(count):
                pooled = i == 0 and stage > 2
                block = Bottleneck(
                    self.width * 2 ** (stage - 2),
                    stride=2 if pooled and 2**stage <= self.output_stride else 1,
                    rate=rates[i],
                    pooled=pooled,
                    stride_in="conv1",
                    style=self.style,
                    name=f"layer{stage - 1}_{i}",
                )
                x = block(x, train=train)
            pyramid[f"c{stage}"] = x
        return pyramid

    def _rates(self, stage, count):
        if stage < 4:
            return (1,) * count
        if self.rates is not None:
            cycle = self.rates[stage - 4]
            return tuple(cycle[i % len(cycle)] for i in range(count))
        kept = min(self.output_stride, 2**stage) // 8
        return tuple(max(1, r // kept) for r in hdc_rates(self.plan, count, stage))


class HDCStem(nn.Module):
    """Applies three 3x3 convolutions to the image.

    The first one has stride 2, and the last one doubles the number of channels.
    """

    width: int
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        plan = ((self.width, 2), (self.width, 1), (2 * self.width, 1))
        for i, (features, stride) in enumerate(plan, start=1):
            block = ConvNormAct(
                features, stride=stride, style=self.style, name=f"conv{i}"
            )
            x = block(x, train=train)
        return x
