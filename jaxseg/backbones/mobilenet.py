"""MobileNet v2 (arXiv 1801.04381) and v3 (arXiv 1905.02244) at any output stride.

Layer tables, rounded widths, squeeze widths and epsilons follow torchvision.

Differs: in torchvision the batch norms of v3 have momentum 0.01, which is
`BlockConfig(momentum=0.99)`. Here they have the momentum of `style`.
"""

import dataclasses

from flax import linen as nn

from jaxseg.backbones.stride import Step, atrous_plan
from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.inverted_residual import InvertedResidual
from jaxseg.nn.layers import ConvNormAct
from jaxseg.ops.conv import tensorflow_padding
from jaxseg.text import one_of
from jaxseg.typing import Array, Padding, Pyramid

# (expansion, channels, blocks, stride of the first block).
_V2 = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)

# (kernel size, expanded channels, channels, squeeze-and-excite, activation, stride).
_V3 = {
    "large": (
        (3, 16, 16, False, "relu", 1),
        (3, 64, 24, False, "relu", 2),
        (3, 72, 24, False, "relu", 1),
        (5, 72, 40, True, "relu", 2),
        (5, 120, 40, True, "relu", 1),
        (5, 120, 40, True, "relu", 1),
        (3, 240, 80, False, "hardswish", 2),
        (3, 200, 80, False, "hardswish", 1),
        (3, 184, 80, False, "hardswish", 1),
        (3, 184, 80, False, "hardswish", 1),
        (3, 480, 112, True, "hardswish", 1),
        (3, 672, 112, True, "hardswish", 1),
        (5, 672, 160, True, "hardswish", 2),
        (5, 960, 160, True, "hardswish", 1),
        (5, 960, 160, True, "hardswish", 1),
    ),
    "small": (
        (3, 16, 16, True, "relu", 2),
        (3, 72, 24, False, "relu", 2),
        (3, 88, 24, False, "relu", 1),
        (5, 96, 40, True, "hardswish", 2),
        (5, 240, 40, True, "hardswish", 1),
        (5, 240, 40, True, "hardswish", 1),
        (5, 120, 48, True, "hardswish", 1),
        (5, 144, 48, True, "hardswish", 1),
        (5, 288, 96, True, "hardswish", 2),
        (5, 576, 96, True, "hardswish", 1),
        (5, 576, 96, True, "hardswish", 1),
    ),
}


def divisible(value: float, divisor: int = 8) -> int:
    """Rounds `value` to a multiple of `divisor` that is at least 0.9 * `value`."""
    rounded = max(divisor, int(value + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * value else rounded


def _padding(x: Array, kernel: int, stride: int, same: bool) -> Padding | None:
    """Returns TensorFlow's padding of a strided convolution, or None for no change."""
    if not same or stride == 1:
        return None
    rows, columns = (tensorflow_padding(n, kernel, stride) for n in x.shape[1:3])
    return rows, columns


def with_eager_rate(step: Step, stride: int) -> Step:
    """Changes the `Step` of a block so that its atrous rate begins one block earlier.

    A `Step` contains the stride and the atrous rate of a block, and the rate of the
    blocks after it. If an atrous rate replaces the stride of a block, the rate usually
    begins in the block after it. In the result it begins in the block itself. If the
    block keeps its stride, the result is `step`.

    Args:
      step: The stride and the rates of the block.
      stride: The stride of the block in the network without atrous rates.
    """
    return step._replace(rate=step.next) if step.stride < stride else step


class MobileNetV2(nn.Module):
    """Computes maps "c1" (16 channels), "c2" (24), "c3" (32), "c4" (96) and "c5" (320).

    Attributes:
      output_stride: 2, 4, 8, 16 or 32.
      width: Channel multiplier.
      tap: Where c2 to c4 are read. "output" is the output of the last block at a
        stride. "expanded" is the output of the depthwise convolution in that block,
        with 144, 192 and 576 channels, as in DeepLab's release.
      last: Number of channels of a final 1x1 convolution: 1280 as in the ImageNet
        classifier, or 0 for no such convolution, as in DeepLab.
      eager_rate: Whether an atrous rate that replaces a stride begins in the block
        that had the stride, as in segmentation_models.pytorch, and not in the block
        after it.
      style: The normalization and the data type of all layers, see `BlockConfig`.
    """

    output_stride: int = 32
    width: float = 1.0
    tap: str = "output"
    last: int = 0
    eager_rate: bool = False
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, image: Array, *, train: bool = False) -> Pyramid:
        if self.tap not in ("output", "expanded"):
            raise ValueError(
                f"tap={self.tap!r} is invalid: expected 'output' or 'expanded'."
            )
        rows = [
            (expansion, channels, stride if i == 0 else 1)
            for expansion, channels, count, stride in _V2
            for i in range(count)
        ]
        strides = (2, *(row[2] for row in rows))
        plan = iter(atrous_plan(strides, self.output_stride))
        step = next(plan)
        stem = ConvNormAct(
            divisible(32 * self.width),
            stride=step.stride,
            act="relu6",
            style=self.style,
            name="stem",
        )
        x, pyramid, level = stem(image, train=train), {}, 1
        for number, (expansion, channels, stride) in enumerate(rows, start=1):
            level += stride > 1
            step = next(plan)
            step = with_eager_rate(step, stride) if self.eager_rate else step
            block = InvertedResidual(
                x.shape[-1] * expansion,
                divisible(channels * self.width),
                stride=step.stride,
                rate=step.rate,
                shortcut=stride == 1,
                style=self.style,
                name=f"block{number}",
            )
            x, expanded = block(x, train=train)
            pyramid[f"c{level}"] = x if self.tap == "output" else expanded
        if self.last:
            last = ConvNormAct(self.last, 1, act="relu6", style=self.style, name="last")
            x = last(x, train=train)
        return {**pyramid, "c5": x}


class MobileNetV3(nn.Module):
    """Computes maps "c1" (the stem), "c2" to "c4" and "c5" (the last convolution).

    c2, c3 and c4 are the outputs of the first blocks at strides 4, 8 and 16.

    Attributes:
      size: "large" (c3 has 40 channels, c5 960) or "small" (c3 24, c5 576).
      output_stride: 2, 4, 8, 16 or 32.
      width: Channel multiplier.
      reduced_tail: Whether to halve the channels of the last three blocks and the last
        convolution, as in the paper's segmentation networks.
      eager_rate: Whether an atrous rate that replaces a stride begins in the block
        that had the stride, as in torchvision, and not in the block after it. Networks
        with different output strides then compute different features.
      squeeze_excite: Whether blocks have channel gates. These average over the whole
        map, so their values differ slightly between output strides.
      epsilon: Epsilon of the normalizations; 1e-5 in timm's networks.
      style: The normalization and the data type of all layers, see `BlockConfig`.
      same_padding: Whether to pad strided convolutions as TensorFlow does, at the
        bottom and right of even maps (timm's `tf_mobilenetv3_*`, epsilon 1e-3).
    """

    size: str = "large"
    output_stride: int = 32
    width: float = 1.0
    reduced_tail: bool = False
    eager_rate: bool = False
    squeeze_excite: bool = True
    epsilon: float = 1e-3
    style: BlockConfig = BlockConfig()
    same_padding: bool = False

    @nn.compact
    def __call__(self, image: Array, *, train: bool = False) -> Pyramid:
        rows = self._rows()
        style = dataclasses.replace(self.style, epsilon=self.epsilon)
        strides = (2, *(row[-1] for row in rows))
        plan = iter(atrous_plan(strides, self.output_stride))
        stride = next(plan).stride
        block = ConvNormAct(
            divisible(16 * self.width),
            stride=stride,
            padding=_padding(image, 3, stride, self.same_padding),
            act="hardswish",
            style=style,
            name="stem",
        )
        x = block(image, train=train)
        pyramid, level = {"c1": x}, 1
        for number, (row, step) in enumerate(zip(rows, plan, strict=True), start=1):
            x = self._block(row, step, x, f"block{number}")(x, train=train)[0]
            if row[-1] > 1:
                level += 1
                pyramid[f"c{level}"] = x
        block = ConvNormAct(
            6 * x.shape[-1], 1, act="hardswish", style=style, name="last"
        )
        return {**pyramid, "c5": block(x, train=train)}

    def _rows(self):
        """Returns the layer table at this width, its tail halved if `reduced_tail`."""
        if self.size not in _V3:
            raise ValueError(f"size={self.size!r} is invalid{one_of(self.size, _V3)}")
        rows, tail = [], len(_V3[self.size]) - (3 if self.reduced_tail else 0)
        for number, (kernel, expanded, channels, *rest) in enumerate(_V3[self.size]):
            channels = channels // 2 if number >= tail else channels
            expanded = expanded // 2 if number > tail else expanded
            widths = (divisible(n * self.width) for n in (expanded, channels))
            rows.append((kernel, *widths, *rest))
        return rows

    def _block(self, row, step, x, name):
        kernel, expanded, channels, squeezed, act, stride = row
        if self.eager_rate:
            step = with_eager_rate(step, stride)
        squeeze = divisible(expanded // 4) if squeezed and self.squeeze_excite else 0
        return InvertedResidual(
            expanded,
            features=channels,
            kernel=kernel,
            stride=step.stride,
            rate=step.rate,
            padding=_padding(x, kernel, step.stride, self.same_padding),
            squeeze=squeeze,
            act=act,
            shortcut=stride == 1,
            style=dataclasses.replace(self.style, epsilon=self.epsilon),
            name=name,
        )
