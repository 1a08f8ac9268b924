"""EfficientNet B0 to B7 (arXiv 1905.11946) and EfficientNet-Lite 0 to 4.

Each size multiplies the channels and the number of blocks of B0 (table 1 of the paper).
The multipliers, the rounding and the Lite variant are those of the authors' release
(tensorflow/tpu, models/official/efficientnet). Lite has no squeeze-and-excitation, and
ReLU6 in place of swish. In all sizes of Lite, the stem has the number of channels that
it has in B0, and the first and the last stage have the numbers of blocks of B0.

The release pads strided convolutions as TensorFlow does: at the bottom and right of
even maps. If an atrous rate replaces the stride of such a convolution, the padding here
stays on the same sides. The network then computes the same features as the network with
strides, at more positions.

Differs: in the release the batch norms have momentum 0.99. Here they have that of
`style`. timm pads a convolution symmetrically if an atrous rate replaces its stride.
"""

import dataclasses
import math
from functools import partial

from flax import linen as nn

from jaxseg.backbones.backbone import Backbone
from jaxseg.backbones.mobilenet import divisible, with_eager_rate
from jaxseg.backbones.stride import Step, atrous_plan
from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.inverted_residual import InvertedResidual
from jaxseg.nn.layers import ConvNormAct
from jaxseg.ops.conv import tensorflow_padding
from jaxseg.typing import Array, Padding, Pyramid

SIZES = {  # Name: (multiplier of the channels, multiplier of the blocks).
    "efficientnet_b0": (1.0, 1.0),
    "efficientnet_b1": (1.0, 1.1),
    "efficientnet_b2": (1.1, 1.2),
    "efficientnet_b3": (1.2, 1.4),
    "efficientnet_b4": (1.4, 1.8),
    "efficientnet_b5": (1.6, 2.2),
    "efficientnet_b6": (1.8, 2.6),
    "efficientnet_b7": (2.0, 3.1),
    "efficientnet_lite0": (1.0, 1.0),
    "efficientnet_lite1": (1.0, 1.1),
    "efficientnet_lite2": (1.1, 1.2),
    "efficientnet_lite3": (1.2, 1.4),
    "efficientnet_lite4": (1.4, 1.8),
}
# Kernel size, expansion, channels, blocks and stride of the stages of B0.
_STAGES = (
    (3, 1, 16, 1, 1),
    (3, 6, 24, 2, 2),
    (5, 6, 40, 2, 2),
    (3, 6, 80, 3, 2),
    (5, 6, 112, 3, 1),
    (5, 6, 192, 4, 2),
    (3, 6, 320, 1, 1),
)
_STEM, _LAST = 32, 1280
_PADDINGS = ("same", "symmetric")


@dataclasses.dataclass(frozen=True)
class _Row:
    """Describes a block: its name, depthwise convolution and numbers of channels.

    `late` says whether it follows the first block of the fifth stage in that stage.
    """

    name: str
    late: bool
    kernel: int
    expansion: int
    channels: int
    stride: int


def stage_blocks(depth: float, lite: bool = False) -> tuple[int, ...]:
    """Returns the number of blocks of each of the seven stages.

    >>> stage_blocks(1.1), stage_blocks(1.1, lite=True)
    ((2, 3, 3, 4, 4, 5, 2), (1, 3, 3, 4, 4, 5, 1))

    Args:
      depth: The multiplier of the blocks of B0.
      lite: Whether the first and the last stage keep their numbers of blocks of B0.
    """
    ends = (0, len(_STAGES) - 1)
    return tuple(
        stage[3] if lite and i in ends else math.ceil(depth * stage[3])
        for i, stage in enumerate(_STAGES)
    )


class EfficientNet(nn.Module):
    """Computes maps "c1" to "c5" with the strides 2, 4, 8, 16 and 32.

    Each level is the output of the last block with its stride. B0 has 16, 24, 40, 112
    and 320 channels.

    Attributes:
      output_stride: 2, 4, 8, 16 or 32.
      width: Multiplier of the channels.
      depth: Multiplier of the blocks.
      lite: Whether to build EfficientNet-Lite.
      padding: The padding of strided convolutions. "same" is TensorFlow's, as in the
        release and in timm's `tf_efficientnet_*`. "symmetric" is that of timm's
        `efficientnet_*`. A number n pads images of every size in the way in which
        "same" pads images of n x n pixels. In efficientnet_pytorch's B0, n is 224.
      epsilon: Epsilon of the normalizations: 1e-3 in the release, 1e-5 in timm's
        `efficientnet_*`.
      drop_path: Rate of stochastic depth; 0.2 in the release's training. The rate of a
        block is this value times the fraction of all blocks that precede it.
      stem_level: Whether c1 is the output of the stem and not of the first stage, as in
        segmentation_models.pytorch.
      early_c4: Whether c4 is the output of the first block of the fifth stage, as in
        segmentation_models.pytorch's encoder efficientnet-b0. With `eager_rate`, the
        other blocks of this stage then have the rate of the next stage.
      last: Whether c5 is the output of the 1x1 convolution of the classifier, with 1280
        channels times `width` (Lite: 1280).
      eager_rate: Whether an atrous rate that replaces a stride begins in the block
        that had the stride, as in segmentation_models.pytorch, and not in the block
        after it. The padding of the former block is then symmetric.
      style: The normalization and the data type of all layers, see `BlockConfig`.
    """

    output_stride: int = 32
    width: float = 1.0
    depth: float = 1.0
    lite: bool = False
    padding: str | int = "same"
    epsilon: float = 1e-3
    drop_path: float = 0.0
    stem_level: bool = False
    early_c4: bool = False
    last: bool = False
    eager_rate: bool = False
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, image: Array, *, train: bool = False) -> Pyramid:
        """Maps [B, H, W, C] to the pyramid."""
        if isinstance(self.padding, str) and self.padding not in _PADDINGS:
            raise ValueError(
                f"padding={self.padding!r} is invalid: expected 'same', 'symmetric' or "
                "an image size."
            )
        rows = self._rows()
        plan = iter(atrous_plan((2, *(r.stride for r in rows)), self.output_stride))
        step, total = next(plan), 2
        stem = self._conv(
            self._channels(_STEM, fixed=self.lite),
            3,
            stride=step.stride,
            padding=self._padding(image, 3, 2, step, 1),
            name="stem",
        )
        x = stem(image, train=train)
        pyramid, level = {"c1": x}, 1
        for number, (row, step) in enumerate(zip(rows, plan, strict=True)):
            padding = self._padding(x, row.kernel, row.stride, step, total)
            rate = self.drop_path * number / len(rows)
            block = self._block(row, step, x.shape[-1], padding, rate)
            x, _ = block(x, train=train)
            level, total = level + (row.stride > 1), total * row.stride
            skipped = self.stem_level if level == 1 else self.early_c4 and row.late
            if not skipped:
                pyramid[f"c{level}"] = x
        if self.last:
            block = self._conv(self._channels(_LAST, fixed=self.lite), 1, name="last")
            pyramid["c5"] = block(x, train=train)
        return pyramid

    def _channels(self, number, fixed=False):
        return number if fixed else divisible(number * self.width)

    def _rows(self):
        """Returns the blocks of all stages; only the first of a stage has a stride."""
        counts = stage_blocks(self.depth, self.lite)
        return [
            _Row(
                name=f"stage{number}_block{i}",
                late=number == 4 and i > 0,
                kernel=kernel,
                expansion=expansion,
                channels=self._channels(channels),
                stride=stride if i == 0 else 1,
            )
            for number, (kernel, expansion, channels, _, stride) in enumerate(_STAGES)
            for i in range(counts[number])
        ]

    def _padding(
        self, x: Array, kernel: int, stride: int, step: Step, total: int
    ) -> Padding | None:
        """Returns the padding of a strided convolution, or None for symmetric padding.

        Args:
          x: The input of the convolution.
          kernel: The kernel size.
          stride: The stride without atrous rates.
          step: The stride and the rate of the convolution.
          total: The product of the strides of the layers before, without atrous rates.
        """
        dense = step.stride < stride
        if stride == 1 or self.padding == "symmetric" or (dense and self.eager_rate):
            return None
        sizes = x.shape[1:3]
        if not isinstance(self.padding, str):
            sizes, cell = (self.padding, self.padding), total
        else:
            cell = step.rate
        pads = [tensorflow_padding(-(-n // cell), kernel, stride) for n in sizes]
        if dense:  # The output keeps the size of the map and the position of the input.
            rate, width = step.rate, step.rate * (kernel - 1)
            pads = [(before * rate, width - before * rate) for before, _ in pads]
        rows, columns = pads
        return rows, columns

    def _conv(self, features, kernel, **options):
        return ConvNormAct(
            features,
            kernel,
            act="relu6" if self.lite else "silu",
            style=self._style(),
            **options,
        )

    def _style(self):
        return dataclasses.replace(self.style, epsilon=self.epsilon)

    def _block(self, row, step, channels, padding, drop_rate):
        if self.eager_rate:
            step = with_eager_rate(step, row.stride)
            if self.early_c4 and row.late and self.output_stride < 32:
                step = step._replace(rate=2 * step.rate)
        return InvertedResidual(
            channels * row.expansion,
            features=row.channels,
            kernel=row.kernel,
            stride=step.stride,
            rate=step.rate,
            padding=padding,
            squeeze=0 if self.lite else max(1, channels // 4),
            squeeze_act="silu",
            gate="sigmoid",
            act="relu6" if self.lite else "silu",
            shortcut=row.stride == 1,
            drop_rate=drop_rate,
            style=self._style(),
            name=row.name,
        )


ENTRIES: dict[str, Backbone] = {
    name: Backbone(
        partial(EfficientNet, width=width, depth=depth, lite="lite" in name),
        levels=(("c1", 2), ("c2", 4), ("c3", 8), ("c4", 16), ("c5", 32)),
        output_strides=(2, 4, 8, 16, 32),
        weights=("timm", "efficientnet_pytorch")
        + (() if "lite" in name else ("torchvision",)),
    )
    for name, (width, depth) in SIZES.items()
}
