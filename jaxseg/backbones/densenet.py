"""DenseNet-121, 161, 169, 201 with a free output stride (arXiv 1608.06993).

Every layer reads all maps before it in its block: batch norm, ReLU, 1x1 to 4 * growth,
batch norm, ReLU, 3x3 to growth. A transition halves channels and, by average pooling,
size.
"""

import jax.numpy as jnp
from flax import linen as nn

from jaxseg.backbones.stride import Step, atrous_plan, pool_average, pool_max
from jaxseg.nn.block_config import Style
from jaxseg.nn.layers import Conv, ConvNormAct
from jaxseg.nn.norm import Norm
from jaxseg.typing import Array, Pyramid

# layers per block, growth, first width
DEPTHS = {
    121: ((6, 12, 24, 16), 32, 64),
    161: ((6, 12, 36, 24), 48, 96),
    169: ((6, 12, 32, 32), 32, 64),
    201: ((6, 12, 48, 32), 32, 64),
}


class DenseLayer(nn.Module):
    """Pre-activated 1x1 and 3x3; returns the `growth` new channels only."""

    growth: int
    rate: int = 1
    style: Style = Style()

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        options = {"bias": False, "style": self.style}
        x = nn.relu(Norm(self.style, name="norm1")(x, train=train))
        x = Conv(4 * self.growth, 1, name="conv1", **options)(x)
        x = nn.relu(Norm(self.style, name="norm2")(x, train=train))
        return Conv(self.growth, rate=self.rate, name="conv2", **options)(x)


class Transition(nn.Module):
    """Batch norm, ReLU, 1x1 to half the channels; pooling is the network's."""

    style: Style = Style()

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        x = nn.relu(Norm(self.style, name="norm")(x, train=train))
        features = x.shape[-1] // 2
        return Conv(features, 1, bias=False, style=self.style, name="conv")(x)


class DenseNet(nn.Module):
    """image -> {"c1": stem, "c2".."c4": blocks 1 to 3, "c5": the last, normalized.

    c2 to c4 are transition outputs before pooling, at strides 4, 8, 16.

    Attributes:
      depth: 121, 161, 169 or 201.
      output_stride: 2, 4, 8, 16 or 32.
      pooling: where a transition loses its stride, "atrous" pools at the running rate
        (the dense network then contains the strided one), "drop" does not pool at all
        (DenseASPP's release).
      last_transition: halves the channels of the last block too (DenseASPP).
      relu: activates c5 after its normalization, as the ImageNet classifier does.
      layers, growth, first: override the depth's table.
    """

    depth: int = 121
    output_stride: int = 32
    pooling: str = "atrous"
    last_transition: bool = False
    relu: bool = True
    layers: tuple[int, ...] | None = None
    growth: int | None = None
    first: int | None = None
    style: Style = Style()

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
                f"depth {self.depth} is unknown; allowed are {sorted(DEPTHS)}"
            )
        if self.pooling not in ("atrous", "drop"):
            raise ValueError(
                f'pooling {self.pooling!r} is unknown; allowed are "atrous" and "drop"'
            )
        layers, growth, first = DEPTHS[self.depth]
        return self.layers or layers, self.growth or growth, self.first or first

    def _pool(self, x, step: Step):
        if step.stride == 1 and self.pooling == "drop":
            return x
        return pool_average(x, step, window=2)
