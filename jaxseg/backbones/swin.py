"""Swin Transformer (arXiv 2103.14030), a backbone with attention in shifted windows.

A 4x4 convolution with stride 4 computes the first map. Each of the later three stages
begins with patch merging: a linear layer maps 2x2 pixels to one, which halves the size
of the map. The blocks apply attention inside windows and an MLP. In every second block,
the windows are shifted. Maps whose size is not a multiple of the patch, of 2 or of the
window are padded with zeros at the bottom and the right, as in MMSegmentation.

Differs: unlike convolutional backbones, Swin has no output stride below 32. At a higher
resolution, each window would cover a smaller part of the image, and the features would
change.
"""

from functools import partial

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxseg.backbones.backbone import Backbone
from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.drop_path import DropPath, depth_rates
from jaxseg.nn.layers import Conv
from jaxseg.nn.transformer import LayerNorm, Linear
from jaxseg.nn.window_attention import WindowAttention
from jaxseg.ops.residual import residual_add
from jaxseg.ops.resize import pad_to_multiple
from jaxseg.typing import Array, Pyramid

_EPSILON = 1e-5  # Of all normalizations.
SIZES = {  # Name: (channels of the first stage, blocks, heads), section 3.3.
    "swin_t": (96, (2, 2, 6, 2), (3, 6, 12, 24)),
    "swin_s": (96, (2, 2, 18, 2), (3, 6, 12, 24)),
    "swin_b": (128, (2, 2, 18, 2), (4, 8, 16, 32)),
}


class SwinBlock(nn.Module):
    """Applies attention inside windows and an MLP, each as a residual.

    Attributes:
      heads: Number of attention heads.
      window: Side of a window in pixels of the map.
      shift: The shift of the windows in pixels.
      shift_always: Whether windows are also shifted along an axis on which the padded
        map has only one window.
      drop_rate: The fraction of examples whose residual branches are dropped in
        training.
      mlp_ratio: Width of the MLP, divided by the number of channels.
      style: The normalization and the data type of all layers, see `BlockConfig`.
    """

    heads: int
    window: int = 7
    shift: int = 0
    shift_always: bool = True
    drop_rate: float = 0.0
    mlp_ratio: int = 4
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        """Maps [B, H, W, C] to the same shape."""
        style, channels = self.style, x.shape[-1]
        y = LayerNorm(_EPSILON, style, name="norm_1")(x)
        y = WindowAttention(
            self.heads,
            window=self.window,
            shift=self.shift,
            shift_always=self.shift_always,
            style=style,
            name="attention",
        )(y)
        x = residual_add(x, DropPath(self.drop_rate)(y, train=train))
        y = LayerNorm(_EPSILON, style, name="norm_2")(x)
        y = Linear(self.mlp_ratio * channels, style, name="mlp_1")(y)
        y = Linear(channels, style, name="mlp_2")(jax.nn.gelu(y, approximate=False))
        return residual_add(x, DropPath(self.drop_rate)(y, train=train))


class Swin(nn.Module):
    """Computes maps "c2" to "c5" with the strides 4, 8, 16 and 32.

    Attributes:
      width: Channels of the first stage. Each later stage has twice as many channels.
      blocks: Number of blocks of each of the four stages.
      heads: Number of attention heads of each of the four stages.
      window: Side of a window in pixels of the map: 7, or 12 in the networks that were
        trained on images of 384 x 384 pixels.
      shift_always: Whether windows are also shifted along an axis on which the padded
        map has only one window, as in MMSegmentation. In timm and torchvision they are
        not.
      mlp_ratio: Width of the MLP, divided by the channels of the stage.
      drop_path: Rate of stochastic depth of the last block; 0.3 in MMSegmentation's
        UPerNet. The rate grows linearly from 0 at the first block.
      output_norms: Whether a normalization follows each stage, as in MMSegmentation.
        The next stage reads the map without this normalization.
      style: The normalization and the data type of all layers, see `BlockConfig`.
    """

    width: int = SIZES["swin_t"][0]
    blocks: tuple[int, ...] = SIZES["swin_t"][1]
    heads: tuple[int, ...] = SIZES["swin_t"][2]
    window: int = 7
    shift_always: bool = True
    mlp_ratio: int = 4
    drop_path: float = 0.0
    output_norms: bool = True
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, image: Array, *, train: bool = False) -> Pyramid:
        """Maps [B, H, W, C] to the pyramid."""
        x, pyramid = image, {}
        for stage, rates in enumerate(depth_rates(self.drop_path, self.blocks)):
            x = self._shrink(x, stage)
            for number, rate in enumerate(rates):
                block = SwinBlock(
                    self.heads[stage],
                    window=self.window,
                    shift=self.window // 2 if number % 2 else 0,
                    shift_always=self.shift_always,
                    drop_rate=rate,
                    mlp_ratio=self.mlp_ratio,
                    style=self.style,
                    name=f"stage{stage}_block{number}",
                )
                x = block(x, train=train)
            norm = LayerNorm(_EPSILON, self.style, name=f"stage{stage}_norm")
            pyramid[f"c{stage + 2}"] = norm(x) if self.output_norms else x
        return pyramid

    def _shrink(self, x: Array, stage: int) -> Array:
        """Applies the patch embedding or the merging of 2x2 pixels, with its norm."""
        name, style = f"stage{stage}_embed", self.style
        norm = LayerNorm(_EPSILON, style, name=f"{name}_norm")
        x, _ = pad_to_multiple(x, 2 if stage else 4)
        if stage == 0:
            conv = Conv(self.width, 4, stride=4, padding=0, style=style, name=name)
            return norm(conv(x))
        layer = Linear(self.width * 2**stage, style, bias=False, name=name)
        return layer(norm(_merged(x)))


def _merged(x: Array) -> Array:
    """Concatenates the channels of 2x2 pixels, column by column: [B, H/2, W/2, 4 C]."""
    parts = [x[:, row::2, column::2] for column in (0, 1) for row in (0, 1)]
    return jnp.concatenate(parts, axis=-1)


ENTRIES: dict[str, Backbone] = {
    name: Backbone(
        partial(Swin, width=width, blocks=blocks, heads=heads),
        levels=(("c2", 4), ("c3", 8), ("c4", 16), ("c5", 32)),
        output_strides=(32,),
        weights=("timm", "torchvision", "mmsegmentation"),
    )
    for name, (width, blocks, heads) in SIZES.items()
}
