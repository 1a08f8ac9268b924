"""The convolutions of GoogLeNet (arXiv 1409.4842) at any output stride.

There are two variants. "caffe" is the published network, with biases, local response
normalization, a 5x5 branch in each block and a last pooling of 3x3. "torchvision" has
batch norm (epsilon 1e-3), a 3x3 branch in place of the 5x5 branch, and a last pooling
of 2x2.
"""

import dataclasses
from typing import Any

import jax.numpy as jnp
from flax import linen as nn

from jaxseg.backbones.stride import Step, atrous_plan, pool_max
from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.layers import Conv, ConvNormAct
from jaxseg.ops.lrn import local_response_norm
from jaxseg.text import one_of
from jaxseg.typing import Array, Pyramid

# Channels: 1x1; 3x3 reduction, 3x3; 5x5 reduction, 5x5; projection of the pooling.
_BLOCKS = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}
_VARIANTS = ("torchvision", "caffe")


class _Unit(nn.Module):
    """Applies convolution and ReLU, with a bias ("caffe") or batch norm (otherwise)."""

    features: int
    kernel: int
    variant: str
    rate: int = 1
    stride: int = 1
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        options: dict[str, Any] = {"stride": self.stride, "rate": self.rate}
        options["style"] = self.style
        if self.variant == "caffe":
            conv = Conv(self.features, self.kernel, name="conv", **options)
            return nn.relu(conv(x))
        block = ConvNormAct(self.features, self.kernel, name="block", **options)
        return block(x, train=train)


class Inception(nn.Module):
    """Concatenates the four branches of an Inception block, all at one atrous rate.

    They are a 1x1 convolution, a 3x3 convolution, a 5x5 convolution (3x3 in
    torchvision) and a max pooling.
    """

    features: tuple[int, int, int, int, int, int]
    variant: str
    rate: int = 1
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        def unit(y, features, kernel, name):
            rate = self.rate if kernel > 1 else 1
            block = _Unit(
                features,
                kernel=kernel,
                variant=self.variant,
                rate=rate,
                style=self.style,
                name=name,
            )
            return block(y, train=train)

        one, reduce3, three, reduce5, five, pool = self.features
        wide = 5 if self.variant == "caffe" else 3
        still = Step(1, self.rate, self.rate)
        branches = [
            unit(x, one, 1, "branch1"),
            unit(unit(x, reduce3, 1, "branch2_reduce"), three, 3, "branch2"),
            unit(unit(x, reduce5, 1, "branch3_reduce"), five, wide, "branch3"),
            unit(pool_max(x, still, window=3, padding=1), pool, 1, "branch4"),
        ]
        return jnp.concatenate(branches, axis=-1)


class GoogLeNet(nn.Module):
    """Computes maps "c1" (conv1), "c2" (conv3), "c3" (3b), "c4" (4e) and "c5" (5b).

    Attributes:
      variant: "torchvision" or "caffe".
      output_stride: 2, 4, 8, 16 or 32.
      width: Factor on all channel counts.
      style: The normalization and the data type of all layers, see `BlockConfig`.

    Raises:
      ValueError: If the variant or the output stride is not allowed.
    """

    variant: str = "torchvision"
    output_stride: int = 32
    width: float = 1.0
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, image: Array, *, train: bool = False) -> Pyramid:
        if self.variant not in _VARIANTS:
            raise ValueError(
                f"variant={self.variant!r} is invalid{one_of(self.variant, _VARIANTS)}"
            )
        style = self.style
        if self.variant == "torchvision":
            style = dataclasses.replace(style, epsilon=1e-3)
        plan = atrous_plan((2, 2, 2, 2, 2), self.output_stride)
        x, pyramid = self._stem(image, plan=plan, style=style, train=train)
        step = plan[2]
        x = pool_max(x, step, window=3, ceil=True)
        for name, features in _BLOCKS.items():
            if name in ("4a", "5a"):
                stage = int(name[0])
                pyramid[f"c{stage - 1}"] = x
                step = plan[stage - 1]
                last = 2 if self.variant == "torchvision" and name == "5a" else 3
                x = pool_max(x, step, window=last, ceil=True)
            features = tuple(map(self._wide, features))
            block = Inception(
                features,
                variant=self.variant,
                rate=step.next,
                style=style,
                name=f"inception{name}",
            )
            x = block(x, train=train)
        return {**pyramid, "c5": x}

    def _stem(self, x, plan, style, train):
        caffe = self.variant == "caffe"
        conv1 = _Unit(
            self._wide(64),
            7,
            self.variant,
            stride=plan[0].stride,
            style=style,
            name="conv1",
        )
        pyramid = {"c1": conv1(x, train=train)}
        x = pool_max(pyramid["c1"], plan[1], window=3, ceil=True)
        x = local_response_norm(x) if caffe else x
        rate = plan[1].next
        x = _Unit(self._wide(64), 1, self.variant, style=style, name="conv2")(
            x, train=train
        )
        x = _Unit(
            self._wide(192),
            kernel=3,
            variant=self.variant,
            rate=rate,
            style=style,
            name="conv3",
        )(x, train=train)
        x = local_response_norm(x) if caffe else x
        return x, {**pyramid, "c2": x}

    def _wide(self, features):
        return max(1, round(features * self.width))
