"""Dilated residual networks A, C and D (arXiv 1705.09914).

DRN-A is a ResNet with rates 2 and 4 in place of the last two strides. C and D remove
gridding artifacts. They have no max pooling. Their last two levels have no residual
connections and have the rates 2 and 1. In D, the first two and the last two levels
consist of 3x3 convolutions instead of residual blocks.
"""

from collections.abc import Callable

from flax import linen as nn

from jaxseg.backbones.stride import Step, atrous_plan
from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.layers import ConvNormAct
from jaxseg.nn.residual import BasicBlock, Bottleneck
from jaxseg.ops.pool import max_pool
from jaxseg.text import one_of
from jaxseg.typing import Array, Pyramid

# (kind, units of levels 1 to 8, whether the inner units are bottlenecks).
VARIANTS = {
    "c26": ("c", (1, 1, 2, 2, 2, 2, 1, 1), False),
    "c42": ("c", (1, 1, 3, 4, 6, 3, 1, 1), False),
    "c58": ("c", (1, 1, 3, 4, 6, 3, 1, 1), True),
    "d22": ("d", (1, 1, 2, 2, 2, 2, 1, 1), False),
    "d24": ("d", (1, 1, 2, 2, 2, 2, 2, 2), False),
    "d38": ("d", (1, 1, 3, 4, 6, 3, 1, 1), False),
    "d40": ("d", (1, 1, 3, 4, 6, 3, 2, 2), False),
    "d54": ("d", (1, 1, 3, 4, 6, 3, 1, 1), True),
    "d56": ("d", (1, 1, 3, 4, 6, 3, 2, 2), True),
    "d105": ("d", (1, 1, 3, 4, 23, 3, 1, 1), True),
    "d107": ("d", (1, 1, 3, 4, 23, 3, 2, 2), True),
}
_CHANNELS = (1, 2, 4, 8, 16, 32, 32, 32)  # Factors on the width.
_RATES = (1, 1, 1, 1, 2, 4, 2, 1)  # Atrous rates at output stride 8.
_A_BLOCKS = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
}


class ConvStack(nn.Module):
    """Applies consecutive 3x3 convolutions with batch norm and ReLU.

    The first convolution can have a stride.
    """

    features: int
    count: int
    step: Step
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        for i in range(self.count):
            block = ConvNormAct(
                self.features,
                stride=self.step.stride if i == 0 else 1,
                rate=self.step.rate if i == 0 else self.step.next,
                style=self.style,
                name=f"conv{i + 1}",
            )
            x = block(x, train=train)
        return x


class DRN(nn.Module):
    """Computes maps "c1" to "c5", the outputs of the levels 2, 3, 4, 6 and 8.

    Attributes:
      variant: One of `VARIANTS`, such as "c26" or "d105".
      output_stride: 8, or 4, 2 and 1 with the same weights. 16 and 32 do not exist,
        because the last level already has rate 1 at stride 8.
      width: Number of channels of level 1. Values other than 16 are meant for tests.
      style: The normalization and the data type of all layers, see `BlockConfig`.

    Differs: the release of C-58 has a projection in level 7 that it never uses
    (1,049,600 parameters). This module leaves it out.

    Raises:
      ValueError: If the variant or the output stride is not allowed.
    """

    variant: str = "d22"
    output_stride: int = 8
    width: int = 16
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, image: Array, *, train: bool = False) -> Pyramid:
        if self.variant not in VARIANTS:
            raise ValueError(
                f"variant={self.variant!r} is invalid{one_of(self.variant, VARIANTS)}"
            )
        stem = ConvNormAct(self.width, 7, style=self.style, name="stem")
        x = stem(image, train=train)
        pyramid, taps = {}, {2: "c1", 3: "c2", 4: "c3", 6: "c4", 8: "c5"}
        for level, step in enumerate(self._steps(), start=1):
            x = self._level(level, step)(x, train)
            if level in taps:
                pyramid[taps[level]] = x
        return pyramid

    def _steps(self):
        """Returns strides and rates of the eight levels.

        A level that loses its stride multiplies the rates of all later levels.
        """
        plan = atrous_plan((1, 2, 2, 2), self.output_stride)
        dense = plan[-1].next
        later = [Step(1, rate * dense, rate * dense) for rate in _RATES[4:]]
        return (*plan, *later)

    def _level(self, level: int, step: Step) -> Callable:
        kind, counts, bottlenecks = VARIANTS[self.variant]
        features, count = self.width * _CHANNELS[level - 1], counts[level - 1]
        outer, name = level in (1, 2, 7, 8), f"layer{level}"
        if outer and (kind == "d" or level > 2):
            # A residual block of C without its residual equals two plain convolutions.
            count = count if kind == "d" else 2 * count
            stack = ConvStack(
                features, count=count, step=step, style=self.style, name=name
            )
            return lambda x, train: stack(x, train=train)
        inner = bottlenecks and not outer
        units = [
            self._unit(
                features,
                step=step,
                i=i,
                bottleneck=inner,
                strided=level in (2, 3, 4),
                name=f"{name}_{i}",
            )
            for i in range(count)
        ]
        return lambda x, train: _chain(units, x, train)

    def _unit(self, features, step, i, bottleneck, strided, name):
        stride, first = (step.stride, step.rate) if i == 0 else (1, step.next)
        pooled = strided and i == 0
        if bottleneck:
            return Bottleneck(
                features,
                stride=stride,
                rate=first,
                pooled=pooled,
                style=self.style,
                name=name,
            )
        return BasicBlock(
            features,
            stride=stride,
            first_rate=first,
            rate=step.next,
            pooled=pooled,
            style=self.style,
            name=name,
        )


def _chain(units, x, train):
    for unit in units:
        x = unit(x, train=train)
    return x


class DRNA(nn.Module):
    """Computes maps "c1" to "c5" of DRN-A, with the parameter names of `ResNet`.

    As published, the first block of each dilated stage keeps rate 1, even in the stage
    of rate 4. Therefore the network does not compute exactly the same features as the
    strided ResNet with the same ImageNet weights. `ResNet` at the same output stride
    does.

    Attributes:
      depth: 18, 34, 50 or 101.
      output_stride: 8 (the paper), 16 or 32.
      width: Number of channels of the first stage.
      style: The normalization and the data type of all layers, see `BlockConfig`.

    Raises:
      ValueError: If the depth or the output stride is not allowed.
    """

    depth: int = 50
    output_stride: int = 8
    width: int = 64
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, image: Array, *, train: bool = False) -> Pyramid:
        if self.depth not in _A_BLOCKS:
            raise ValueError(
                f"depth={self.depth} is invalid: expected one of {sorted(_A_BLOCKS)}."
            )
        plan = atrous_plan((2, 2, 1, 2, 2, 2), self.output_stride)
        x = DRNAStem(self.width, self.style, name="stem")(image, train=train)
        pyramid = {"c1": x}
        x = max_pool(x, window=3, stride=2, padding=1)
        for stage, count in enumerate(_A_BLOCKS[self.depth]):
            step = plan[stage + 2]
            for i in range(count):
                x = self._unit(stage, i, step)(x, train=train)
            pyramid[f"c{stage + 2}"] = x
        return pyramid

    def _unit(self, stage, i, step):
        features, pooled = self.width * 2**stage, i == 0 and stage > 0
        stride, rate = (step.stride, 1) if i == 0 else (1, step.next)
        options = {"style": self.style, "name": f"layer{stage + 1}_{i}"}
        if self.depth < 50:
            return BasicBlock(
                features,
                stride=stride,
                first_rate=rate,
                rate=rate,
                pooled=pooled,
                **options,
            )
        return Bottleneck(features, stride=stride, rate=rate, pooled=pooled, **options)


class DRNAStem(nn.Module):
    """Applies a 7x7 convolution at stride 2, like the stem of ResNet.

    The parameters have the same names as those of `ResNet`'s stem.
    """

    features: int
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        block = ConvNormAct(self.features, 7, 2, style=self.style, name="conv1")
        return block(x, train=train)
