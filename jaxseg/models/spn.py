"""SPN: learned linear propagation refines a coarse mask (arXiv 1710.01020).

A guidance network (VGG-16 and a decoder with skip connections) predicts the gates of
four directional sweeps. A convolution embeds the coarse mask, the sweeps propagate it,
and a decoder maps it to logits. Layers and parameter counts follow a public port for
VOC (githubpgq/pytorch_spn_full).

Differs: the port declares three 3x3 convolutions in its decoder, one after each
upsampling, but it applies the first one twice and never applies the second. Here each
is applied once, after its upsampling. A map is upsampled to the size of the map to
which it is added, so that sides need not be multiples of 32. Upsampling uses half-pixel
centers, like the port when it runs on PyTorch 0.4 or later.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxseg.heads.classifier import Classifier
from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.layers import Conv, activation
from jaxseg.ops.pool import max_pool
from jaxseg.ops.propagate import spn as propagate
from jaxseg.ops.resize import pad_to_multiple, resize
from jaxseg.typing import Array, Outputs, Pyramid

BLOCKS = (2, 2, 3, 3, 3)  # The convolutions per stage of VGG16.


class GuidanceEncoder(nn.Module):
    """Applies VGG-16 with 3x3 max pooling of stride 2.

    The maps "c3", "c4" and "c5" that it returns are taken before ReLU.
    """

    width: int = 64
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, image: Array) -> Pyramid:
        """Returns "c3" (conv3_3, at 1/4), "c4" (1/8), "c5" (1/16) and "pool" (1/32)."""
        x, pyramid = image, {}
        for stage, count in enumerate(BLOCKS):
            features = min(self.width * 2**stage, 8 * self.width)
            for index in range(count):
                name = f"conv{stage + 1}_{index + 1}"
                y = Conv(features, style=self.style, name=name)(x)
                x = nn.relu(y)
            pyramid[f"c{stage + 1}"] = y
            x = max_pool(x, window=3, stride=2, padding=1)
        return {**pyramid, "pool": x}


class GuidanceDecoder(nn.Module):
    """Predicts the gates of the directional sweeps at half the resolution of the image.

    A gate is the weight of a neighboring pixel in the propagation. A sweep is the
    propagation of values across the map in one direction.

    The first layer is a 1x1 convolution. Four stages follow, each with upsampling and a
    3x3 convolution. A skip map is added to the result of each of the first three.
    """

    features: int
    width: int = 64
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, pyramid: Pyramid, size) -> Array:
        """Maps the pyramid to [B, *size, features]."""
        wide = 8 * self.width
        x = Conv(wide, 1, style=self.style, name="top")(pyramid["pool"])
        plan = (("c5", wide, "relu"), ("c4", wide, "relu"), ("c3", wide // 2, "elu"))
        for index, (level, features, act) in enumerate(plan):
            skip = pyramid[level]
            x = resize(x, skip.shape[1:3])
            x = Conv(features, style=self.style, name=f"up{index}")(x)
            x = activation(act)(x) + skip
        return Conv(self.features, style=self.style, name="gates")(resize(x, size))


class SPN(nn.Module):
    """Refines a coarse mask by propagating values in four directions (sweeps).

    A 4x4 convolution of stride 2 embeds the mask. The maximum of the four sweeps is
    upsampled and decoded by two 3x3 convolutions with a ReLU between them.

    Attributes:
      num_classes: Number of classes, K.
      features: Number of channels that are propagated.
      width: Number of channels of the first stage of VGG.
      coarse: "head" predicts the coarse mask by a 1x1 convolution on the last map of
        the encoder and returns the mask as the auxiliary output. "channels" reads the
        mask from the image channels 3 to 2 + K.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """

    num_classes: int
    features: int = 32
    width: int = 64
    coarse: str = "head"
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, image: Array, *, train: bool = False) -> Outputs:
        """Returns "logits" and, for coarse="head", "aux", [B, H, W, K], float32."""
        size = image.shape[1:3]
        padded, _ = pad_to_multiple(image, 2)
        pyramid = GuidanceEncoder(self.width, self.style, name="encoder")(
            padded[..., :3]
        )
        outputs, mask = self._coarse(padded, pyramid, train)
        x = Conv(self.features, 4, stride=2, padding=1, style=self.style, name="mask")(
            mask
        )
        gates = self._gates(pyramid, x.shape)
        x = propagate(x.astype(jnp.float32), gates)
        x = resize(x, padded.shape[1:3])
        x = nn.relu(Conv(2 * self.features, style=self.style, name="post")(x))
        head = Classifier(
            self.num_classes,
            kernel=3,
            kernel_init="he",
            style=self.style,
            name="classifier",
        )
        outputs["logits"] = head(x, train=train)
        return {k: x[:, : size[0], : size[1]] for k, x in outputs.items()}

    def _coarse(self, image, pyramid, train):
        if self.coarse == "channels":
            if image.shape[-1] != 3 + self.num_classes:
                raise ValueError(
                    f"image.shape={image.shape} is invalid: expected 3 + "
                    f"{self.num_classes} channels with coarse='channels': three of "
                    "color, and one of the coarse mask for each class."
                )
            return {}, image[..., 3:]
        if self.coarse != "head":
            raise ValueError(
                f"coarse={self.coarse!r} is invalid: expected 'head' or 'channels'."
            )
        head = Classifier(self.num_classes, style=self.style, name="aux_coarse")
        logits = resize(head(nn.relu(pyramid["c5"]), train=train), image.shape[1:3])
        return {"aux": logits}, jax.nn.softmax(logits, axis=-1)

    def _gates(self, pyramid, shape):
        """Returns the gates [B, h, w, 4 directions, 3 neighbors, C], float32."""
        decoder = GuidanceDecoder(
            12 * self.features, self.width, self.style, name="decoder"
        )
        gates = decoder(pyramid, shape[1:3])
        gates = gates.reshape(*shape[:3], 4, 3, self.features)
        return gates.astype(jnp.float32)


def spn(
    num_classes: int,
    *,
    features: int = 32,
    width: int = 64,
    coarse: str = "head",
    style: BlockConfig = BlockConfig(),
) -> SPN:
    """Creates a spatial propagation network on VGG-16 (arXiv 1710.01020).

    Args:
      num_classes: Number of classes.
      features: Number of channels that are propagated.
      width: Number of channels of the first stage of the guidance VGG.
      coarse: "head" predicts the coarse mask from the image. "channels" reads it, as
        class probabilities, from K further channels of the image, like the paper's
        refinement of a given mask.
      style: Only its dtype matters; the network has no normalization.
    """
    return SPN(num_classes, features=features, width=width, coarse=coarse, style=style)
