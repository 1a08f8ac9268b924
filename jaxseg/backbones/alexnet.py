"""The convolutions of AlexNet (Krizhevsky et al., NIPS 2012) at any output stride.

There are two variants with different widths. "caffe" is CaffeNet, which FCN was built
on. It has convolutions in two groups, local response normalization after pooling, and
pooled sizes that are rounded up. "torchvision" is the network without groups of arXiv
1404.5997.
"""

from flax import linen as nn

from jaxseg.backbones.stride import atrous_plan, pool_max
from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.layers import Conv
from jaxseg.ops.lrn import local_response_norm
from jaxseg.text import one_of
from jaxseg.typing import Array, Pyramid

# (features, kernel size, groups) of conv1 to conv5.
_CAFFE = ((96, 11, 1), (256, 5, 2), (384, 3, 1), (384, 3, 2), (256, 3, 2))
# As in torchvision, which follows arXiv 1404.5997 and has no groups.
_TORCHVISION = ((64, 11, 1), (192, 5, 1), (384, 3, 1), (256, 3, 1), (256, 3, 1))
_VARIANTS = {"caffe": (_CAFFE, 0), "torchvision": (_TORCHVISION, 2)}


class AlexNet(nn.Module):
    """Computes "c2" (conv1, stride 4), "c3" (conv2), "c4" (conv5) and "c5" (pool5).

    Pooling has no padding, so each level is slightly smaller than the image size
    divided by the stride.

    Attributes:
      variant: "torchvision" or "caffe".
      output_stride: 4, 8, 16 or 32. A pooling layer whose stride would exceed it has
        stride 1 instead, and the rates of the following layers grow by the same factor.
      first_padding: Padding of conv1; None takes 2 (torchvision) or 0 (caffe). FCN uses
        100.
      width: Factor on all channel counts.
      style: The normalization and the data type of all layers, see `BlockConfig`.

    Raises:
      ValueError: If the variant or the output stride is not allowed.
    """

    variant: str = "torchvision"
    output_stride: int = 32
    first_padding: int | None = None
    width: float = 1.0
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, image: Array, *, train: bool = False) -> Pyramid:
        if self.variant not in _VARIANTS:
            raise ValueError(
                f"variant={self.variant!r} is invalid{one_of(self.variant, _VARIANTS)}"
            )
        table, padding = _VARIANTS[self.variant]
        caffe = self.variant == "caffe"
        padding = padding if self.first_padding is None else self.first_padding
        plan = atrous_plan((4, 2, 2, 2), self.output_stride)
        pyramid: Pyramid = {}
        x, step = image, plan[0]
        for number, (features, kernel, groups) in enumerate(table, start=1):
            conv = Conv(
                max(groups, round(features * self.width / groups) * groups),
                kernel,
                stride=step.stride if number == 1 else 1,
                rate=step.next,
                padding=padding if number == 1 else None,
                groups=groups,
                style=self.style,
                name=f"conv{number}",
            )
            x = nn.relu(conv(x))
            if number in (3, 4):
                continue
            pyramid[f"c{2 + len(pyramid)}"] = x
            step = plan[len(pyramid)]
            x = pool_max(x, step, window=3, ceil=caffe)
            if caffe and number < 3:
                x = local_response_norm(x)
        return {**pyramid, "c5": x}
