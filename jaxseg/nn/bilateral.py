"""Blocks of BiSeNet v1 (arXiv 1808.00897): spatial path, context path and fusion.

Differs: batch norm after a global mean sees one value per image and channel. With one
image per batch, its output in training is therefore only its bias. Train with more
images per batch, or share the statistics over devices.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxseg.nn.attention import global_mean
from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.layers import Conv, ConvNormAct
from jaxseg.ops.resize import resize
from jaxseg.typing import Array, Pyramid


class SpatialPath(nn.Module):
    """Extracts a map of fine detail at stride 8 from the image with four convolutions.

    Convolutions of 7x7, 3x3 and 3x3 with stride 2 and features / 2 channels precede a
    1x1 convolution to `features` channels.
    """

    features: int = 128
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, image: Array, *, train: bool) -> Array:
        """Maps [B, H, W, C] to [B, H/8, W/8, features]."""
        x = image
        for index, kernel in enumerate((7, 3, 3)):
            x = ConvNormAct(
                self.features // 2, kernel, 2, style=self.style, name=f"conv{index}"
            )(x, train=train)
        last = ConvNormAct(self.features, 1, style=self.style, name="conv3")
        return last(x, train=train)


class AttentionRefinement(nn.Module):
    """Multiplies each channel of a map by a gate that depends on the global mean.

    With f = ReLU(norm(3x3(x))), the result is f * sigmoid(norm(1x1(mean f))). There is
    no residual connection.
    """

    features: int = 128
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        """Maps [B, H, W, C] to [B, H, W, features]."""
        x = ConvNormAct(self.features, style=self.style, name="conv")(x, train=train)
        gate = ConvNormAct(
            self.features, 1, act="sigmoid", style=self.style, name="attention"
        )
        return x * gate(global_mean(x), train=train)


class FeatureFusion(nn.Module):
    """Fuses the maps of the spatial and the context path of BiSeNet.

    With f = ReLU(norm(1x1([spatial, context]))), the result is f + f * gate(mean f).

    Attributes:
      features: Number of output channels.
      form: The layers of the gate. "author" (the paper) is sigmoid(1x1 ReLU 1x1)
        without bias and normalization. "coin" (CoinCheung's port) is
        sigmoid(norm(1x1)). "mmseg" (MMSegmentation) is sigmoid(ReLU(norm(1x1))).
      style: Settings of normalization and dtype, see `BlockConfig`.
    """

    features: int = 256
    form: str = "author"
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, spatial: Array, context: Array, *, train: bool) -> Array:
        """Maps two maps [B, H, W, C] to [B, H, W, features]."""
        x = jnp.concatenate([spatial, context], axis=-1)
        conv = ConvNormAct(self.features, 1, style=self.style, name="conv")
        x = conv(x, train=train)
        mean = global_mean(x)
        if self.form == "author":
            gate = mean
            for index in range(2):
                gate = Conv(
                    self.features,
                    1,
                    bias=False,
                    style=self.style,
                    name=f"attention{index}",
                )(gate if index == 0 else nn.relu(gate))
        else:
            act = {"coin": "none", "mmseg": "relu"}[self.form]
            layer = ConvNormAct(
                self.features, 1, act=act, style=self.style, name="attention"
            )
            gate = layer(mean, train=train)
        return x + x * jax.nn.sigmoid(gate)


class ContextPath(nn.Module):
    """Refines the backbone maps c4 and c5 and merges them from coarse to fine.

    Let ARM be `AttentionRefinement`, and let g be a 1x1 convolution of the mean of c5
    over its pixels. First t = ARM(c5) + g is upsampled to the size of c4 and convolved
    by 3x3. Then t = ARM(c4) + t is upsampled to the size of c3 and convolved by 3x3.

    Attributes:
      features: Number of output channels.
      method: Interpolation of the upsampling; "bilinear" aligns the corners.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """

    features: int = 128
    method: str = "bilinear"
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, pyramid: Pyramid, *, train: bool) -> tuple[Array, Array]:
        """Returns two maps of `features` channels, at the sizes of c4 and of c3."""
        pooled = global_mean(pyramid["c5"])
        top = ConvNormAct(self.features, 1, style=self.style, name="global")
        t, merged = top(pooled, train=train), []
        for level, below in (("c5", "c4"), ("c4", "c3")):
            arm = AttentionRefinement(self.features, self.style, name=f"arm_{level}")
            t = arm(pyramid[level], train=train) + t
            t = resize(
                t,
                pyramid[below].shape[1:3],
                method=self.method,
                align_corners=self.method == "bilinear",
            )
            refine = ConvNormAct(
                self.features, style=self.style, name=f"refine_{below}"
            )
            t = refine(t, train=train)
            merged.append(t)
        return merged[0], merged[1]
