"""CSPN: a network predicts an affinity, and 24 propagation steps refine its output.

The depth network is the authors' ResNet-50 (arXiv 1808.00150) without its unused
layers. Its "logits" are depths in meters, and the propagation keeps the sparse
measurements unchanged. The segmentation network has the same layers, but one output map
for each class. With `read="release"`, the affinity channels
have the order of the authors' code (see `jaxseg.ops.propagate.cspn_kernel`).

Differs: in the authors' network, the skip map of the last up-projection is the output
of the stem's convolution without normalization and ReLU, and no ReLU follows the
3x3 convolution on top of the backbone. Here ReLU is applied to both maps.
"""

from typing import Any

import jax.numpy as jnp
from flax import linen as nn

from jaxseg.backbones.resnet import ResNet
from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.layers import ConvNormAct
from jaxseg.nn.up_projection import UpConv, UpProjection
from jaxseg.ops.propagate import cspn as propagate
from jaxseg.typing import Array, Outputs


class CSPN(nn.Module):
    """Predicts an output and the affinity of neighbors, and propagates the output.

    A 3x3 convolution and four up-projections with skip connections follow the backbone.

    Attributes:
      num_classes: Number of maps, K.
      backbone: The encoder.
      sparse: Whether the fourth image channel is sparse depth, which is 0 at unknown
        pixels. The network reads it, and the propagation keeps its known values.
      steps: Number of propagation steps.
      absolute: Whether a propagation step uses the absolute affinity, so that it takes
        a weighted mean of the neighbors and the center has the weight 0.
      read: At which pixel the weight of a neighbor is read: "receiver", "source" or
        "release", see `jaxseg.ops.propagate.cspn_kernel`.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """

    num_classes: int
    backbone: nn.Module
    sparse: bool = False
    steps: int = 24
    absolute: bool = False
    read: str = "receiver"
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, image: Array, *, train: bool = False) -> Outputs:
        """Returns "logits" and the first prediction, "aux", each [B, H, W, K]."""
        anchor = anchored = None
        if self.sparse:
            anchor, anchored = self._anchor(image)
        pyramid = self.backbone(image, train=train)
        x = self._decode(pyramid, train)
        size = image.shape[1:3]
        affinity = UpConv(8, self.style, name="affinity")(x, size)
        guess = UpConv(self.num_classes, self.style, name="guess")(x, size)
        guess = guess.astype(jnp.float32)
        refined = propagate(
            guess,
            affinity.astype(jnp.float32),
            steps=self.steps,
            absolute=self.absolute,
            read=self.read,
            anchor=anchor,
            anchored=anchored,
        )
        return {"logits": refined, "aux": guess}

    def _anchor(self, image):
        if image.shape[-1] != 4:
            raise ValueError(
                f"image.shape={image.shape} is invalid: expected 4 channels with "
                "sparse=True: three of color, and one of sparse depth that is 0 where "
                "the depth is unknown."
            )
        depth = image[..., 3:].astype(jnp.float32)
        anchored = (depth > 0).astype(jnp.float32)
        return jnp.broadcast_to(depth, (*depth.shape[:3], self.num_classes)), anchored

    def _decode(self, pyramid, train):
        x = pyramid["c5"]
        features = x.shape[-1]
        x = ConvNormAct(features, style=self.style, name="top")(x, train=train)
        stem = pyramid["c1"].shape[-1]
        for index, level in enumerate(("c4", "c3", "c2", "c1")):
            features = features // 2 if level != "c1" else stem
            skip = None if level == "c4" else pyramid[level]
            block = UpProjection(features, self.style, name=f"up{index}")
            x = block(x, pyramid[level].shape[1:3], skip, train=train)
        return x


def cspn_on(
    num_classes: int,
    backbone: nn.Module,
    *,
    steps: int = 24,
    absolute: bool = False,
    read: str = "receiver",
    style: BlockConfig = BlockConfig(),
) -> CSPN:
    """Puts the decoder and the propagation of CSPN on a backbone with c1 to c5.

    Args:
      num_classes: Number of classes.
      backbone: Maps an image to a dictionary of feature maps, named after their stages,
        such as "c4" and "c5".
      steps: Number of propagation steps.
      absolute: Whether a propagation step uses the absolute affinity, so that it takes
        a weighted mean of the neighbors and the center has the weight 0.
      read: At which pixel the weight of a neighbor is read: "receiver", "source" or
        "release", see `jaxseg.ops.propagate.cspn_kernel`.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """
    return CSPN(
        num_classes,
        backbone=backbone,
        sparse=False,
        steps=steps,
        absolute=absolute,
        read=read,
        style=style,
    )


def cspn(
    num_classes: int,
    *,
    depth: int = 50,
    steps: int = 24,
    absolute: bool = False,
    read: str = "receiver",
    width: int = 64,
    blocks: tuple[int, ...] | None = None,
    style: BlockConfig = BlockConfig(),
) -> CSPN:
    """Creates a segmentation network with convolutional spatial propagation.

    Args:
      num_classes: Number of classes.
      depth: Depth of the ResNet.
      steps: Number of propagation steps.
      absolute: Whether a propagation step uses the absolute affinity, so that it takes
        a weighted mean of the neighbors and the center has the weight 0.
      read: At which pixel the weight of a neighbor is read: "receiver", "source" or
        "release", see `jaxseg.ops.propagate.cspn_kernel`.
      width: Number of channels of the first stage of the ResNet.
      blocks: Number of units of each stage of the ResNet; None takes those of the
        depth.
      style: Settings of normalization and dtype, see `BlockConfig`.

    References:
      arXiv 1808.00150.
    """
    backbone = ResNet(depth, 32, width=width, blocks=blocks, style=style)
    options: dict[str, Any] = {"steps": steps, "absolute": absolute, "read": read}
    return cspn_on(num_classes, backbone, style=style, **options)


def cspn_depth(num_classes: int = 1, **options) -> CSPN:
    """Creates CSPN's network that predicts depth from a color image and sparse depth.

    The input is [B, H, W, 4]; the fourth channel is the sparse depth. As in the paper,
    every propagation step keeps the measured depths. The authors' code keeps the
    network's first prediction at the measured pixels instead.

    Args:
      num_classes: Number of output maps.
      **options: Options of `cspn`, such as `depth` and `steps`.

    References:
      arXiv 1808.00150.
    """
    return cspn(num_classes, **options).clone(sparse=True)
