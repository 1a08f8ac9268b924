"""DeconvNet (Noh, Hong, Han 2015, arXiv 1505.04366).

The encoder has the convolutions of VGG16 and two fully connected layers written as
convolutions. The decoder mirrors it with deconvolutions and unpooling at the stored
positions. Every layer but the last has a bias, batch normalization and ReLU, as in the
released networks.

Differs: the paper feeds 224x224 crops of object proposals, for which the bottleneck is
one pixel. Here any size works, because the bottleneck is fully convolutional; a
bottleneck map with a side of less than 7 pixels is padded with zeros to 7. A
deconvolution of stride 1 is written as the convolution with the flipped kernel. The
release computes the statistics of batch normalization on the training set after
training, with an epsilon of 1e-9. Here the statistics are running averages, and epsilon
is 1e-5 (`style=BlockConfig(epsilon=1e-9)` restores the released value).
"""

import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.layers import Conv, ConvNormAct, ConvTranspose
from jaxseg.nn.norm import Norm
from jaxseg.ops.open_size import larger
from jaxseg.ops.pool import max_pool_argmax
from jaxseg.ops.unpool import max_unpool
from jaxseg.typing import Array

VGG16_REPEATS = (2, 2, 3, 3, 3)  # Convolutions per stage.
BOTTLENECK = 7  # Kernel size of fc6 and of its deconvolution.


class Bottleneck(nn.Module):
    """Applies an unpadded 7x7 convolution, a 1x1 convolution and a 7x7 deconvolution.

    The paper calls these layers fc6, fc7 and deconv-fc6.
    """

    features: int
    fc_width: int
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        """Maps [B, h, w, C] to [B, h, w, features]."""
        size, style = x.shape[1:3], self.style
        rest = [larger(0, BOTTLENECK - side) for side in size]
        x = lax.pad(
            x,
            jnp.zeros((), x.dtype),
            ((0, 0, 0), (0, rest[0], 0), (0, rest[1], 0), (0, 0, 0)),
        )
        x = ConvNormAct(
            self.fc_width, BOTTLENECK, padding=0, bias=True, style=style, name="fc6"
        )(x, train=train)
        x = ConvNormAct(self.fc_width, 1, bias=True, style=style, name="fc7")(
            x, train=train
        )
        # The stride does not matter for one pixel; stride 7 is one matrix product.
        stride = BOTTLENECK if x.shape[1:3] == (1, 1) else 1
        x = ConvTranspose(
            self.features,
            BOTTLENECK,
            stride,
            kernel_init="normal0.01",
            style=style,
            name="fc6_deconv",
        )(x)
        x = nn.relu(Norm(style, name="fc6_deconv_norm")(x, train=train))
        return x[:, : size[0], : size[1]]


class DeconvNet(nn.Module):
    """Applies DeconvNet; returns logits at the resolution of an image of any size."""

    num_classes: int
    width: int = 64
    fc_width: int = 4096
    repeats: tuple[int, ...] = VGG16_REPEATS
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, image: Array, *, train: bool = False) -> dict[str, Array]:
        """Maps [B, H, W, C] to {"logits": [B, H, W, num_classes]}."""
        widths = [self.width * min(2**level, 8) for level in range(len(self.repeats))]
        x, places = self._encode(image, widths, train)
        x = Bottleneck(widths[-1], self.fc_width, self.style, name="bottleneck")(
            x, train=train
        )
        for level in range(len(widths), 0, -1):
            x = max_unpool(x, *places[level - 1])
            count = self.repeats[level - 1]
            for i in range(1, count + 1):
                # The last convolution of a stage has the width of the next stage.
                next_level = level - 1 if i == count and level > 1 else level
                x = self._conv(
                    x,
                    features=widths[next_level - 1],
                    name=f"deconv{level}_{i}",
                    train=train,
                )
        x = Conv(
            self.num_classes,
            1,
            kernel_init="normal0.01",
            style=self.style,
            name="classifier",
        )(x)
        return {"logits": x.astype(jnp.float32)}

    def _encode(self, x: Array, widths: list[int], train: bool) -> tuple[Array, list]:
        places = []
        for level, count in enumerate(self.repeats, start=1):
            for i in range(1, count + 1):
                x = self._conv(
                    x, features=widths[level - 1], name=f"conv{level}_{i}", train=train
                )
            size = x.shape[1:3]
            x, position = max_pool_argmax(x)
            places.append((position, size))
        return x, places

    def _conv(self, x: Array, features: int, name: str, train: bool) -> Array:
        init = "normal0.01" if name.startswith("deconv") else "he"
        block = ConvNormAct(
            features, bias=True, kernel_init=init, style=self.style, name=name
        )
        return block(x, train=train)


def deconvnet(
    num_classes: int,
    *,
    width: int = 64,
    fc_width: int = 4096,
    repeats: tuple[int, ...] = VGG16_REPEATS,
    style: BlockConfig = BlockConfig(),
) -> DeconvNet:
    """Creates DeconvNet on VGG16 (arXiv 1505.04366).

    Args:
      num_classes: Number of classes.
      width: Number of channels of the first stage.
      fc_width: Number of channels of fc6 and fc7.
      repeats: Number of convolutions of each stage.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """
    return DeconvNet(
        num_classes, width=width, fc_width=fc_width, repeats=repeats, style=style
    )
