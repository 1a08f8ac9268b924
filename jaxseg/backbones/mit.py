"""Mix Transformer (MiT), the backbone of SegFormer (arXiv 2105.15203, section 3.1).

Each of the four stages begins with a strided convolution whose windows overlap. Its
blocks apply self-attention and an MLP. The keys and values of the attention come from
a map that a strided convolution has reduced. The MLP contains a depthwise 3x3
convolution, which replaces the position embedding, so that images can have any size.

Differs: unlike convolutional backbones, MiT has no output stride below 32. At a higher
resolution, the attention would have other keys, and the features would change.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.drop_path import DropPath, depth_rates
from jaxseg.nn.layers import Conv
from jaxseg.nn.transformer import LayerNorm, Linear
from jaxseg.ops.attention import attend_maps
from jaxseg.ops.open_size import any_below
from jaxseg.ops.residual import residual_add
from jaxseg.typing import Array, Pyramid

_SMALLEST = 29  # The last map then has one pixel, and every reduction has a window.
SIZES = {  # Name: (channels, blocks) of the four stages (table 6 of the paper).
    "mit_b0": ((32, 64, 160, 256), (2, 2, 2, 2)),
    "mit_b1": ((64, 128, 320, 512), (2, 2, 2, 2)),
    "mit_b2": ((64, 128, 320, 512), (3, 4, 6, 3)),
    "mit_b3": ((64, 128, 320, 512), (3, 4, 18, 3)),
    "mit_b4": ((64, 128, 320, 512), (3, 8, 27, 3)),
    "mit_b5": ((64, 128, 320, 512), (3, 6, 40, 3)),
}


class ReducedAttention(nn.Module):
    """Applies self-attention with keys and values from a reduced map.

    Attributes:
      heads: Number of attention heads.
      reduction: Kernel size and stride of the convolution that reduces the size of the
        map; 1 for no convolution.
      joint: Whether queries, keys and values have one matrix, as in MMSegmentation.
      epsilon: Epsilon of the normalization of the reduced map.
      attention: "plain" computes all attention scores at once. "block" computes them in
        parts to save memory. "auto" chooses by their number.
      style: The normalization and the data type of all layers, see `BlockConfig`.
    """

    heads: int
    reduction: int = 1
    joint: bool = False
    epsilon: float = 1e-5
    attention: str = "auto"
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Maps [B, H, W, C] to the same shape."""
        channels, source = x.shape[-1], x
        if self.reduction > 1:
            source = Conv(
                channels,
                kernel=self.reduction,
                stride=self.reduction,
                padding=0,
                style=self.style,
                name="reduce",
            )(x)
            source = LayerNorm(self.epsilon, self.style, name="norm")(source)
        query, key_value = self._project(x, source)
        y = attend_maps(
            query,
            *jnp.split(key_value, 2, axis=-1),
            heads=self.heads,
            scale=(channels // self.heads) ** -0.5,
            impl=self.attention,
        )
        return Linear(channels, self.style, name="out")(y)

    def _project(self, x, source):
        """Returns the queries [B, H, W, C], and keys and values [B, h, w, 2 C]."""
        channels, style = x.shape[-1], self.style
        if not self.joint:
            query = Linear(channels, style, name="query")(x)
            return query, Linear(2 * channels, style, name="key_value")(source)
        layer = Linear(3 * channels, style, name="qkv")
        if source is x:
            joined = layer(x)
            return joined[..., :channels], joined[..., channels:]
        return layer(x)[..., :channels], layer(source)[..., channels:]


class MixBlock(nn.Module):
    """Applies self-attention, and an MLP with a depthwise 3x3 convolution.

    The keys and values of the attention come from a map of reduced size.

    Attributes:
      heads: Number of attention heads.
      reduction: The factor by which height and width of the map of keys and values are
        reduced.
      rate: The fraction of examples whose residual branches are dropped in training.
      mlp_ratio: Width of the MLP, divided by the number of channels.
      joint: Whether queries, keys and values have one matrix, as in MMSegmentation.
      epsilon: Epsilon of the normalization of the reduced map.
      attention: "plain" computes all attention scores at once. "block" computes them in
        parts to save memory. "auto" chooses by their number.
      style: The normalization and the data type of all layers, see `BlockConfig`.
    """

    heads: int
    reduction: int
    rate: float
    mlp_ratio: int = 4
    joint: bool = False
    epsilon: float = 1e-5
    attention: str = "auto"
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        """Maps [B, H, W, C] to the same shape."""
        style, channels = self.style, x.shape[-1]
        y = LayerNorm(style=style, name="norm_1")(x)
        y = ReducedAttention(
            self.heads,
            reduction=self.reduction,
            joint=self.joint,
            epsilon=self.epsilon,
            attention=self.attention,
            style=style,
            name="attention",
        )(y)
        x = residual_add(x, DropPath(self.rate)(y, train=train))
        y = LayerNorm(style=style, name="norm_2")(x)
        hidden = self.mlp_ratio * channels
        y = Linear(hidden, style, name="mlp_1")(y)
        y = Conv(hidden, groups=hidden, style=style, name="depthwise")(y)
        y = Linear(channels, style, name="mlp_2")(jax.nn.gelu(y, approximate=False))
        return residual_add(x, DropPath(self.rate)(y, train=train))


class MixTransformer(nn.Module):
    """Computes maps "c2" to "c5" with the strides 4, 8, 16 and 32.

    Attributes:
      channels: Number of channels of each of the four stages.
      blocks: Number of blocks of each of the four stages.
      heads: Number of attention heads of each of the four stages.
      reductions: For each stage, the factor by which height and width of the map of
        keys and values are reduced.
      mlp_ratio: Width of the MLP, divided by the channels of the stage.
      drop_path: Rate of stochastic depth of the last block; 0.1 in the authors'
        training. The rate grows linearly from 0 at the first block.
      joint: Whether queries, keys and values have one matrix, as in MMSegmentation, and
        not two as in the authors' code. Both compute the same function.
      epsilon: Epsilon of the normalizations after the embeddings and of the reduced
        maps; 1e-5 in the authors' code and 1e-6 in MMSegmentation. All other
        normalizations have an epsilon of 1e-6.
      attention: "plain" computes all attention scores at once. "block" computes them in
        parts to save memory. "auto" chooses by their number.
      style: The normalization and the data type of all layers, see `BlockConfig`.

    Raises:
      ValueError: If a side of the image is below 29 pixels.
    """

    channels: tuple[int, ...] = SIZES["mit_b0"][0]
    blocks: tuple[int, ...] = SIZES["mit_b0"][1]
    heads: tuple[int, ...] = (1, 2, 5, 8)
    reductions: tuple[int, ...] = (8, 4, 2, 1)
    mlp_ratio: int = 4
    drop_path: float = 0.0
    joint: bool = False
    epsilon: float = 1e-5
    attention: str = "auto"
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, image: Array, *, train: bool = False) -> Pyramid:
        """Maps [B, H, W, C] to the pyramid."""
        if any_below(image.shape[1:3], _SMALLEST):
            raise ValueError(
                f"image size={tuple(image.shape[1:3])} is invalid: expected at least "
                f"{_SMALLEST} x {_SMALLEST} pixels for a Mix Transformer."
            )
        x, pyramid = image, {}
        for stage, rates in enumerate(depth_rates(self.drop_path, self.blocks)):
            name = f"stage{stage}"
            x = Conv(
                self.channels[stage],
                kernel=3 if stage else 7,
                stride=2 if stage else 4,
                padding=1 if stage else 3,
                style=self.style,
                name=f"{name}_embed",
            )(x)
            x = LayerNorm(self.epsilon, self.style, name=f"{name}_embed_norm")(x)
            for number, rate in enumerate(rates):
                block = self._block(stage, rate, f"{name}_block{number}")
                x = block(x, train=train)
            x = LayerNorm(style=self.style, name=f"{name}_norm")(x)
            pyramid[f"c{stage + 2}"] = x
        return pyramid

    def _block(self, stage, rate, name):
        return MixBlock(
            self.heads[stage],
            reduction=self.reductions[stage],
            rate=rate,
            mlp_ratio=self.mlp_ratio,
            joint=self.joint,
            epsilon=self.epsilon,
            attention=self.attention,
            style=self.style,
            name=name,
        )
