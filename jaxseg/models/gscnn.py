"""Gated-SCNN: a shape stream in parallel to the regular stream (arXiv 1907.05740).

The implementation follows the paper.

Differs: the image gradient that is concatenated with the predicted edge map is the
magnitude of a Sobel filter. The authors use a Canny edge map instead. To use one here,
pass it as the fourth image channel with `gradient="channel"`.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxseg.backbones.wide_resnet38 import WideResNet38
from jaxseg.heads.classifier import Classifier
from jaxseg.nn.attention import global_mean
from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.gated_shape import ShapeStream, image_gradient
from jaxseg.nn.layers import Conv, ConvNormAct
from jaxseg.ops.resize import resize
from jaxseg.typing import Array, Outputs


class EdgeASPP(nn.Module):
    """Applies ASPP with an additional branch that reads the edge map.

    The branches are concatenated in the order: image pooling, edge, 1x1, 3x3
    convolutions.
    """

    features: int = 256
    rates: tuple[int, ...] = (12, 24, 36)
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array, edge: Array, *, train: bool) -> Array:
        """Maps [B, h, w, C] and [B, H, W, 1] to [B, h, w, (3 + rates) * features]."""

        def block(source, kernel, rate, name):
            layer = ConvNormAct(
                self.features, kernel, rate=rate, style=self.style, name=name
            )
            return layer(source, train=train)

        size = x.shape[1:3]
        pooled = block(global_mean(x), 1, 1, "image")
        edge = resize(edge, size, align_corners=True).astype(x.dtype)
        parts = [
            jnp.broadcast_to(pooled, (*x.shape[:3], self.features)),
            block(edge, 1, 1, "edge"),
            block(x, 1, 1, "point"),
        ]
        parts += [block(x, 3, rate, f"rate{rate}") for rate in self.rates]
        return jnp.concatenate(parts, axis=-1)


class GatedSCNN(nn.Module):
    """Joins the regular and the shape stream by a decoder and an ASPP that reads edges.

    The output "edge" contains logits, to which the loss applies a sigmoid. The authors'
    code applies the sigmoid twice.
    """

    num_classes: int
    backbone: nn.Module
    features: int = 256
    skip_features: int = 48
    gradient: str = "sobel"
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, image: Array, *, train: bool = False) -> Outputs:
        """Maps [B, H, W, 3 or 4] to "logits" [B, H, W, K] and "edge" [B, H, W, 1]."""
        image, gradient = self._split(image)
        size = image.shape[1:3]
        pyramid = self.backbone(image, train=train)
        shape = ShapeStream(self.style, name="shape")
        edge = shape(pyramid, size, train=train)
        joined = jnp.concatenate([jax.nn.sigmoid(edge), gradient], axis=-1)
        gate = Conv(1, 1, bias=False, style=self.style, name="edge_attention")
        attention = jax.nn.sigmoid(gate(joined))
        aspp = EdgeASPP(self.features, style=self.style, name="aspp")
        x = aspp(pyramid["c6"], attention, train=train)
        logits = self._decode(x, pyramid["c1"], train)
        # Half-pixel centers as in the authors' code; all other resizing aligns corners.
        return {"logits": resize(logits, size), "edge": edge}

    def _split(self, image):
        if self.gradient not in ("sobel", "channel"):
            raise ValueError(
                f"gradient={self.gradient!r} is invalid: expected 'sobel' or 'channel'."
            )
        if self.gradient == "sobel":
            return image, image_gradient(image)
        if image.shape[-1] != 4:
            raise ValueError(
                f"image.shape={image.shape} is invalid: expected 4 channels with "
                "gradient='channel', the last of which is the edge map."
            )
        return image[..., :3], image[..., 3:].astype(jnp.float32)

    def _decode(self, x, fine, train):
        def conv(source, features, name):
            layer = Conv(features, 1, bias=False, style=self.style, name=name)
            return layer(source)

        x = conv(x, self.features, "aspp_project")
        x = resize(x, fine.shape[1:3], align_corners=True)
        skip = conv(fine, self.skip_features, "skip_project")
        x = jnp.concatenate([skip, x], axis=-1)
        for index in range(2):
            layer = ConvNormAct(self.features, style=self.style, name=f"decoder{index}")
            x = layer(x, train=train)
        head = Classifier(
            self.num_classes, bias=False, style=self.style, name="classifier"
        )
        return head(x, train=train)


def gscnn_on(
    num_classes: int,
    backbone: nn.Module,
    *,
    features: int = 256,
    skip_features: int = 48,
    gradient: str = "sobel",
    style: BlockConfig = BlockConfig(),
) -> GatedSCNN:
    """Puts Gated-SCNN on a backbone with the feature maps c0 to c3 and c6.

    It adds the shape stream, which predicts edges, and the decoder (arXiv 1907.05740).

    Args:
      num_classes: Number of classes.
      backbone: Maps an image to a dictionary of feature maps that contains "c0", "c1",
        "c2", "c3" and "c6".
      features: Number of channels of ASPP and decoder.
      skip_features: Number of channels of the skip connection of the decoder.
      gradient: Where the image gradient comes from. "sobel" computes it. "channel"
        reads it from the fourth image channel, with values in [0, 1].
      style: Settings of normalization and dtype, see `BlockConfig`.
    """
    return GatedSCNN(
        num_classes,
        backbone=backbone,
        features=features,
        skip_features=skip_features,
        gradient=gradient,
        style=style,
    )


def gscnn(
    num_classes: int,
    *,
    features: int = 256,
    skip_features: int = 48,
    width: int = 64,
    blocks: tuple[int, ...] | None = None,
    gradient: str = "sobel",
    style: BlockConfig = BlockConfig(),
) -> GatedSCNN:
    """Creates Gated-SCNN on Wide ResNet-38 (arXiv 1907.05740).

    For its losses see `jaxseg.losses.dual_task`.

    Args:
      num_classes: Number of classes.
      features: Number of channels of ASPP and decoder.
      skip_features: Number of channels of the skip connection of the decoder.
      width: Number of channels of the first stage of the backbone.
      blocks: Number of blocks of each stage of the backbone; None takes those of the
        paper.
      gradient: Where the image gradient comes from. "sobel" computes it. "channel"
        reads it from the fourth image channel, with values in [0, 1].
      style: Settings of normalization and dtype, see `BlockConfig`.
    """
    backbone = WideResNet38(width, blocks, style)
    options = {"features": features, "skip_features": skip_features}
    return gscnn_on(num_classes, backbone, gradient=gradient, style=style, **options)
