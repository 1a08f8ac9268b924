"""VGG-16 with the changes of DeepLab v1 and v2 (arXiv 1412.7062, 1606.00915).

The pooling windows are 3x3 with padding 1 instead of 2x2, the last two poolings keep
the size, and conv5 has rate 2. v1 adds a 3x3 average pooling after pool5. ImageNet
weights of VGG-16 fit the network.
"""

import jax.numpy as jnp
from flax import linen as nn

from jaxseg.backbones.stride import Step, atrous_plan, pool_max
from jaxseg.backbones.vgg import CHANNELS, CONVOLUTIONS
from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.layers import Conv
from jaxseg.ops.conv import conv
from jaxseg.ops.pool import avg_pool
from jaxseg.typing import Array, Pyramid


class DeepLabVGG(nn.Module):
    """Computes maps "c0" (the image), "c1" to "c4" (pool1 to pool4) and "c5" (pool5).

    In v1, a 3x3 average pooling is applied to c5.

    Attributes:
      output_stride: 8 (the papers), 16 or 32.
      average: Whether a 3x3 average pooling follows pool5. The mean includes the zeros
        of the padding, as in Caffe.
      atrous_pooling: Whether pool5 and the average pooling have the current atrous
        rate. The network then computes the same features as the network with strides,
        at more positions. In the released networks, the rate of both poolings is 1.
      channels: Number of channels of each block. Values other than VGG's are meant for
        tests.
      style: The normalization and the data type of all layers, see `BlockConfig`.
      ceil: Whether pooling follows Caffe's size rule, as released: an even side of n
        pixels becomes n / 2 + 1 cells, so that 320 pixels give 41 cells at stride 8.
        The result for odd sides does not depend on this option. False rounds down, as
        the first version of jaxseg did.
    """

    output_stride: int = 8
    average: bool = True
    atrous_pooling: bool = False
    channels: tuple[int, ...] = CHANNELS
    style: BlockConfig = BlockConfig()
    ceil: bool = True

    @nn.compact
    def __call__(self, image: Array, *, train: bool = False) -> Pyramid:
        plan = atrous_plan((2, 2, 2, 2, 2), self.output_stride)
        x, pyramid, rate = image, {"c0": image}, 1
        for block, (count, step) in enumerate(
            zip(CONVOLUTIONS[16], plan, strict=True), start=1
        ):
            for i in range(1, count + 1):
                layer = Conv(
                    self.channels[block - 1],
                    rate=rate,
                    style=self.style,
                    name=f"conv{block}_{i}",
                )
                x = nn.relu(layer(x))
            # Caffe's rule adds no cell where the stride is 1.
            ceil = self.ceil and (step.stride > 1 or self.atrous_pooling)
            if not self.atrous_pooling:
                step = Step(step.stride, 1, step.next)
            x = pool_max(x, step, window=3, padding=1, ceil=ceil)
            rate = step.next
            pyramid[f"c{block}"] = x
        if self.average:
            x = _average(x, rate if self.atrous_pooling else 1)
        return {**pyramid, "c5": x}


def _average(x, rate):
    """Averages 3x3 cells `rate` apart; pixels outside the map count as zeros."""
    if rate == 1:
        return avg_pool(x, window=3, stride=1, padding=1)
    kernel = jnp.full((3, 3, 1, x.shape[-1]), 1 / 9, x.dtype)
    return conv(x, kernel, rate=rate, padding=rate, groups=x.shape[-1])
