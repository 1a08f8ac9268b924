"""DenseNet-121, 161, 169 and 201 at any output stride (arXiv 1608.06993).

Every layer reads the input of its block and the outputs of all earlier layers of the
block. It applies batch norm, ReLU, a 1x1 convolution to 4 * growth channels, batch
norm, ReLU and a 3x3 convolution to `growth` channels. A transition halves the channels
and, by average pooling, the size.
"""

from typing import Any

import jax.numpy as jnp
from flax import linen as nn

from jaxseg.backbones.stride import Step, atrous_plan, pool_average, pool_max
from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.layers import Conv, ConvNormAct
from jaxseg.nn.norm import Norm
from jaxseg.typing import Array, Pyramid

# (layers of each block, growth, channels of the stem).
DEPTHS = {
    121: ((6, 12, 24, 16), 32, 64),
    161: ((6, 12, 36, 24), 48, 96),
    169: ((6, 12, 32, 32), 32, 64),
    201: ((6, 12, 48, 32), 32, 64),
}


class DenseLayer(nn.Module):
    """Applies a 1x1 and a 3x3 convolution, each after normalization and ReLU.

    The result contains only the new channels."""

    growth: int
    rate: int = 1
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        options: dict[str, Any] = {"bias": False, "style": self.style}
        x = nn.relu(Norm(self.style, name="norm1")(x, train=train))
        x = Conv(4 * self.growth, 1, name="conv1", **options)(x)
        x = nn.relu(Norm(self.style, name="norm2")(x, train=train))
        return Conv(self.growth, rate=self.rate, name="conv2", **options)(x)


class Transition(nn.Module):
    """Applies batch norm, ReLU and a 1x1 convolution that halves the channels.

    The pooling of the transition is not part of this module; `DenseNet` applies it.
    """

    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        x = nn.relu(Norm(self.style, name="norm")(x, train=train))
        features = x.shape[-1] // 2
        return Conv(features, 1, bias=False, style=self.style, name="conv")(x)


class DenseNet(nn.Module):
    """Computes maps "c1" (stem), "c2" to "c4" (blocks 1 to 3) and "c5" (last block).

    c2 to c4 are the outputs of the transitions before pooling, at strides 4, 8 and 16.
    c5 is normalized.

    Attributes:
      depth: 121, 161, 169 or 201.
      output_stride: 2, 4, 8, 16 or 32.
      pooling: The pooling of a transition whose stride is replaced by an atrous rate.
        "atrous" pools at the current rate. The network then computes the same features
        as the network with strides, at more positions. "drop" omits the pooling, as in
        the release of DenseASPP.
      last_transition: Whether a transition also halves the channels of the last block,
        as in DenseASPP.
      relu: Whether ReLU follows the normalization of c5, as in the ImageNet classifier.
      layers: Number of layers of each block; None takes the numbers that belong to
        `depth`.
      growth: Number of new channels of each layer; None takes the number that belongs
        to `depth`.
      first: Number of channels of the stem; None takes the number that belongs to
        `depth`.
      style: The normalization and the data type of all layers, see `BlockConfig`.

    Raises:
      ValueError: If depth, pooling or output stride is not allowed.
    """

    depth: int = 121
    output_stride: int = 32
    pooling: str = "atrous"
    last_transition: bool = False
    relu: bool = True
    layers: tuple[int, ...] | None = None
    growth: int | None = None
    first: int | None = None
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, image: Array, *, train: bool = False) -> Pyramid:
        layers, growth, first = self._table()
        plan = atrous_plan((2, 2, 2, 2, 2), self.output_stride)
        stem = ConvNormAct(first, 7, plan[0].stride, style=self.style, name="stem")
        x = stem(image, train=train)
        pyramid = {"c1": x}
        x, step = pool_max(x, plan[1], window=3, padding=1), plan[1]
        for number, count in enumerate(layers, start=1):
            for i in range(1, count + 1):
                name = f"block{number}_{i}"
                layer = DenseLayer(growth, step.next, self.style, name=name)
                x = jnp.concatenate([x, layer(x, train=train)], axis=-1)
            if number < len(layers) or self.last_transition:
                x = Transition(self.style, name=f"transition{number}")(x, train=train)
            if number < len(layers):
                pyramid[f"c{number + 1}"] = x
                step = plan[number + 1]
                x = self._pool(x, step)
        x = Norm(self.style, name="norm")(x, train=train)
        return {**pyramid, "c5": nn.relu(x) if self.relu else x}

    def _table(self):
        if self.depth not in DEPTHS:
            raise ValueError(
                f"depth={self.depth} is invalid: expected one of {sorted(DEPTHS)}."
            )
        if self.pooling not in ("atrous", "drop"):
            raise ValueError(
                f"pooling={self.pooling!r} is invalid: expected 'atrous' or 'drop'."
            )
        layers, growth, first = DEPTHS[self.depth]
        return self.layers or layers, self.growth or growth, self.first or first

    def _pool(self, x, step: Step):
        if step.stride == 1 and self.pooling == "drop":
            return x
        return pool_average(x, step, window=2)
