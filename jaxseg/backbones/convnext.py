"""ConvNeXt (arXiv 2201.03545), a convolutional network with four stages.

A 4x4 convolution with stride 4 begins the network. Three layers, each a normalization
and a 2x2 convolution with stride 2, separate the four stages. Each block applies a
depthwise 7x7 convolution, a normalization and an MLP.

Below output stride 32, atrous rates replace strides. If all strides divide the image
size, the network then computes the same features as the network with strides, at more
positions. A 2x2 convolution whose stride is replaced is padded only at the bottom and
the right.

Differs: at output stride 8, timm pads the last 2x2 convolution by one pixel on each
side, so that its "c5" is shifted by one pixel.
"""

from functools import partial

import jax
from flax import linen as nn

from jaxseg.backbones.backbone import Backbone
from jaxseg.backbones.stride import Step, atrous_plan
from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.drop_path import DropPath, depth_rates
from jaxseg.nn.layers import Conv
from jaxseg.nn.transformer import LayerNorm, Linear
from jaxseg.ops.open_size import any_below
from jaxseg.ops.residual import residual_add
from jaxseg.typing import Array, Pyramid

SIZES = {  # Name: (channels, blocks) of the four stages (section 3 of the paper).
    "convnext_t": ((96, 192, 384, 768), (3, 3, 9, 3)),
    "convnext_s": ((96, 192, 384, 768), (3, 3, 27, 3)),
    "convnext_b": ((128, 256, 512, 1024), (3, 3, 27, 3)),
    "convnext_l": ((192, 384, 768, 1536), (3, 3, 27, 3)),
}


class ConvNeXtBlock(nn.Module):
    """Applies a depthwise 7x7 convolution, a normalization and an MLP as a residual.

    Attributes:
      atrous_rate: The atrous rate of the convolution.
      drop_rate: The fraction of examples whose residual branch is dropped in training.
      mlp_ratio: Width of the MLP, divided by the number of channels.
      layer_scale: Initial value of the factors that scale each channel of the residual
        branch.
      style: The normalization and the data type of all layers, see `BlockConfig`.
    """

    atrous_rate: int = 1
    drop_rate: float = 0.0
    mlp_ratio: int = 4
    layer_scale: float = 1e-6
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        """Maps [B, H, W, C] to the same shape."""
        style, channels = self.style, x.shape[-1]
        y = Conv(
            channels,
            kernel=7,
            rate=self.atrous_rate,
            groups=channels,
            style=style,
            name="depthwise",
        )(x)
        y = LayerNorm(style=style, name="norm")(y)
        y = Linear(self.mlp_ratio * channels, style, name="mlp_1")(y)
        y = Linear(channels, style, name="mlp_2")(jax.nn.gelu(y, approximate=False))
        initial = nn.initializers.constant(self.layer_scale)
        scale = self.param("scale", initial, (channels,))
        y = y * scale.astype(y.dtype).reshape(1, 1, 1, -1)
        return residual_add(x, DropPath(self.drop_rate)(y, train=train))


class ConvNeXt(nn.Module):
    """Computes maps "c2" to "c5" with the strides 4, 8, 16 and 32, or finer ones.

    Attributes:
      channels: Number of channels of each of the four stages.
      blocks: Number of blocks of each of the four stages.
      output_stride: The largest stride: 4, 8, 16 or 32.
      mlp_ratio: Width of the MLP, divided by the channels of the stage.
      drop_path: Rate of stochastic depth of the last block. The rate grows linearly
        from 0 at the first block. In the authors' segmentation networks, it is 0.4 for
        the sizes T, B and L, and 0.3 for S.
      layer_scale: Initial value of the factors that scale each channel of a residual
        branch: 1e-6 in the paper for ImageNet, and 1 in the authors' segmentation
        networks, which start from ImageNet weights.
      output_norms: Whether a normalization follows each stage, as in the authors'
        segmentation networks. The next stage reads the map without this normalization.
      style: The normalization and the data type of all layers, see `BlockConfig`.

    Raises:
      ValueError: If a side of the image is smaller than the output stride.
    """

    channels: tuple[int, ...] = SIZES["convnext_t"][0]
    blocks: tuple[int, ...] = SIZES["convnext_t"][1]
    output_stride: int = 32
    mlp_ratio: int = 4
    drop_path: float = 0.0
    layer_scale: float = 1e-6
    output_norms: bool = True
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, image: Array, *, train: bool = False) -> Pyramid:
        """Maps [B, H, W, C] to the pyramid."""
        plan = atrous_plan((4, 2, 2, 2), self.output_stride)
        if any_below(image.shape[1:3], self.output_stride):
            raise ValueError(
                f"image size={tuple(image.shape[1:3])} is invalid: expected at least "
                f"{self.output_stride} x {self.output_stride} pixels for a ConvNeXt "
                f"with output stride {self.output_stride}."
            )
        x, pyramid = image, {}
        rates = depth_rates(self.drop_path, self.blocks)
        for stage, (step, drop_rates) in enumerate(zip(plan, rates, strict=True)):
            name = f"stage{stage}"
            x = self._shrink(x, stage, step)
            for number, rate in enumerate(drop_rates):
                block = ConvNeXtBlock(
                    atrous_rate=step.next,
                    drop_rate=rate,
                    mlp_ratio=self.mlp_ratio,
                    layer_scale=self.layer_scale,
                    style=self.style,
                    name=f"{name}_block{number}",
                )
                x = block(x, train=train)
            norm = LayerNorm(style=self.style, name=f"{name}_norm")
            pyramid[f"c{stage + 2}"] = norm(x) if self.output_norms else x
        return pyramid

    def _shrink(self, x: Array, stage: int, step: Step) -> Array:
        """Applies the strided convolution, and its normalization, before a stage."""
        norm = LayerNorm(style=self.style, name=f"stage{stage}_embed_norm")
        dense = (0, step.rate) if step.stride == 1 else (0, 0)
        layer = Conv(
            self.channels[stage],
            kernel=2 if stage else 4,
            stride=step.stride,
            rate=step.rate,
            padding=(dense, dense),
            style=self.style,
            name=f"stage{stage}_embed",
        )
        return layer(norm(x)) if stage else norm(layer(x))


ENTRIES: dict[str, Backbone] = {
    name: Backbone(
        partial(ConvNeXt, channels=channels, blocks=blocks),
        levels=(("c2", 4), ("c3", 8), ("c4", 16), ("c5", 32)),
        output_strides=(4, 8, 16, 32),
        weights=("torchvision", "timm"),
    )
    for name, (channels, blocks) in SIZES.items()
}
