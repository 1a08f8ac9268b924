"""Wide ResNet-38 in pre-activation form, at stride 8 (arXiv 1611.10080, model A2).

It is the backbone of Gated-SCNN. It has two max poolings and one strided convolution,
and the last three stages have the atrous rates 2, 4 and 4. Batch norm and ReLU precede
the convolutions. Dropout removes whole channels, because Gated-SCNN's code replaces
Dropout by Dropout2d.
"""

from flax import linen as nn

from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.layers import Conv, Dropout
from jaxseg.nn.norm import Norm
from jaxseg.ops.pool import max_pool
from jaxseg.typing import Array, Pyramid

# Each stage: (blocks, widths as factors on `width`, stride, rate, dropout rate).
STAGES = (
    (3, (2, 2), 1, 1, 0.0),
    (3, (4, 4), 1, 1, 0.0),
    (6, (8, 8), 2, 1, 0.0),
    (3, (8, 16), 1, 2, 0.0),
    (1, (8, 16, 32), 1, 4, 0.3),
    (1, (16, 32, 64), 1, 4, 0.5),
)


class PreActivationBlock(nn.Module):
    """Applies a residual block: x + convs(ReLU(norm(x))).

    `convs` are two 3x3 convolutions if two widths are given, and 1x1, 3x3 and 1x1
    convolutions if three are given. If the width or the size changes, the shortcut is a
    1x1 convolution of the activated input.
    """

    widths: tuple[int, ...]
    stride: int = 1
    rate: int = 1
    dropout: float = 0.0
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        """Maps [B, H, W, C] to [B, H/stride, W/stride, widths[-1]]."""

        def conv(source, features, kernel, stride, rate, name):
            return Conv(
                features,
                kernel=kernel,
                stride=stride,
                rate=rate,
                bias=False,
                style=self.style,
                name=name,
            )(source)

        y = self._activate(x, "norm0", train)
        if self.stride > 1 or x.shape[-1] != self.widths[-1]:
            x = conv(y, self.widths[-1], 1, self.stride, 1, "shortcut")
        kernels = (3, 3) if len(self.widths) == 2 else (1, 3, 1)
        last = len(kernels) - 1
        for index, (features, kernel) in enumerate(
            zip(self.widths, kernels, strict=True)
        ):
            if index > 0:
                y = self._activate(y, f"norm{index}", train)
            if index == last and self.dropout:
                y = Dropout(self.dropout, channels=True)(y, train=train)
            stride = self.stride if index == 0 else 1
            rate = self.rate if kernel == 3 else 1
            y = conv(y, features, kernel, stride, rate, f"conv{index}")
        return x + y

    def _activate(self, x, name, train):
        return nn.relu(Norm(self.style, name=name)(x, train=train))


class WideResNet38(nn.Module):
    """Computes maps "c0" (64 channels, full size), "c1" (128 channels, 1/2) to "c6".

    c2 has 256 channels at 1/4 of the size. c3 (512 channels), c4 (1024), c5 (2048) and
    c6 (4096) have 1/8 of the size. The maps are sums without a final activation.

    Attributes:
      width: Number of channels of c0; the others scale with it.
      blocks: Number of blocks of each stage; None takes those of the paper.
      style: The normalization and the data type of all layers, see `BlockConfig`.
    """

    width: int = 64
    blocks: tuple[int, ...] | None = None
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, image: Array, *, train: bool = False) -> Pyramid:
        """Maps [B, H, W, C] to the pyramid."""
        stem = Conv(self.width, 3, bias=False, style=self.style, name="stem")
        pyramid = {"c0": stem(image)}
        x = pyramid["c0"]
        for stage, (count, parts, stride, rate, dropout) in enumerate(STAGES):
            if stage < 2:
                x = max_pool(x, window=3, stride=2, padding=1)
            count = self.blocks[stage] if self.blocks else count
            for index in range(count):
                x = PreActivationBlock(
                    tuple(part * self.width for part in parts),
                    stride=stride if index == 0 else 1,
                    rate=rate,
                    dropout=dropout,
                    style=self.style,
                    name=f"layer{stage + 1}_{index}",
                )(x, train=train)
            pyramid[f"c{stage + 1}"] = x
        return pyramid
