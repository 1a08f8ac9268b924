"""CSPN: affinity learned with a network, then 24 steps of propagation.

arXiv 1808.00150. The depth network is the authors' ResNet-50 without its unused layers;
the segmentation network is the same with one map per class. Depth is a regression: its
"logits" are meters, held at the sparse measurements. `read="release"` orders the
affinities as the authors' code does (`jaxseg.ops.propagate.cspn_kernel`).

Differs: the authors' network gives the last up-projection the stem's convolution before
its normalization and ReLU, and has no ReLU behind the 3x3 convolution on top of the
trunk; here both maps are activated.
"""

import jax.numpy as jnp
from flax import linen as nn

from jaxseg.backbones.resnet import ResNet
from jaxseg.nn.block_config import Style
from jaxseg.nn.layers import ConvNormAct
from jaxseg.nn.up_projection import UpConv, UpProjection
from jaxseg.ops.propagate import cspn as propagate
from jaxseg.typing import Array, Outputs


class CSPN(nn.Module):
    """backbone -> 3x3 -> four up-projections with skips -> first guess and affinity.

    `sparse` reads the channels from the fourth on as sparse depth, 0 where unknown: an
    input of the network, and the anchor of the propagation.
    """

    num_classes: int
    backbone: ResNet
    sparse: bool = False
    steps: int = 24
    absolute: bool = False
    read: str = "receiver"
    style: Style = Style()

    @nn.compact
    def __call__(self, image: Array, *, train: bool = False) -> Outputs:
        """image [B, H, W, 3 or 4] -> {"logits", "aux": first guess} [B, H, W, K]."""
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
                f"image has {image.shape[-1]} channels; with sparse=True it needs 4: "
                "color and sparse depth, 0 where unknown"
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


def cspn(
    num_classes: int,
    *,
    depth: int = 50,
    steps: int = 24,
    absolute: bool = False,
    read: str = "receiver",
    width: int = 64,
    blocks: tuple[int, ...] | None = None,
    style: Style = Style(),
) -> CSPN:
    """Segmentation refined by convolutional spatial propagation (arXiv 1808.00150).

    Args:
      num_classes: K.
      depth, width, blocks: of the ResNet.
      steps: of the propagation.
      absolute, read: see `jaxseg.ops.propagate.cspn_kernel`.
      style: normalization, number format.
    """
    backbone = ResNet(depth, 32, width=width, blocks=blocks, style=style)
    return CSPN(num_classes, backbone, False, steps, absolute, read, style)


def cspn_depth(num_classes: int = 1, **options) -> CSPN:
    """Depth from color and sparse depth, the authors' task (arXiv 1808.00150).

    Input [B, H, W, 4]. The measurements are held at every step, as in the paper; the
    authors' code holds its own first guess there. Options as in `cspn`.
    """
    return cspn(num_classes, **options).clone(sparse=True)
