"""pix2pix: a conditional GAN that translates images to images (arXiv 1611.07004).

The generator is a U-Net of 4x4 convolutions with stride 2. At depth 8, it reduces an
image of 256 pixels per side to 1x1. The discriminator is a PatchGAN: each of its
outputs judges one patch of condition and picture. Layers and parameter counts follow
the authors' PyTorch release. The first decoder layers have dropout, as in the paper.
The paper uses batch normalization at batch size 1 in training and testing, which
normalizes each image separately.

Differs: label maps are K channels of -1 and 1, not RGB pictures, so that they can be
scored class by class. The scales of the normalization start at 1, not at random values
from N(1, 0.02). Images of any size are accepted and padded to a multiple of 2**depth.
"""

import dataclasses

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.layers import Conv, ConvTranspose, Dropout, logits_float32
from jaxseg.nn.norm import Norm
from jaxseg.ops.resize import pad_to_multiple
from jaxseg.text import one_of
from jaxseg.typing import Array

DIRECTIONS = ("photo_to_labels", "labels_to_photo")
PHOTO_CHANNELS = 3  # The paper's photos are RGB images.
INIT = "normal0.02"
SLOPE = 0.2  # Slope of the leaky ReLU for negative values.


class PictureNorm(nn.Module):
    """Applies the normalization that `style.norm` names.

    If `instance` is True, "batch" is replaced by instance normalization: each channel
    of each image is normalized separately.
    """

    instance: bool
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        style = self.style
        if self.instance and style.norm == "batch":
            style = dataclasses.replace(style, norm="group", groups=x.shape[-1])
        return Norm(style, name="norm")(x, train=train)


class Generator(nn.Module):
    """Maps [B, H, W, C] to [B, H, W, outputs] with a U-Net; tanh is not applied.

    Attributes:
      outputs: Number of output channels.
      depth: Number of times that the size is halved.
      width: Number of channels of the first layer.
      dropped: Number of decoder layers, counted from the first one, that have dropout
        of rate 0.5. As in the paper, dropout is also active in testing if an rng named
        "dropout" is given.
      instance: Whether to normalize each channel of each image separately if the
        normalization of `style` is "batch".
      style: Settings of normalization and dtype, see `BlockConfig`.
    """

    outputs: int
    depth: int = 8
    width: int = 64
    dropped: int = 3
    instance: bool = True
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, image: Array, *, train: bool) -> Array:
        x, (height, width) = pad_to_multiple(image, 2**self.depth)
        widths = [self.width * min(2**i, 8) for i in range(self.depth)]
        skips = []
        for i, features in enumerate(widths):
            x = x if i == 0 else nn.leaky_relu(x, SLOPE)
            x = Conv(
                features, 4, 2, padding=1, bias=False, kernel_init=INIT,
                style=self.style, name=f"down{i + 1}",
            )(x)  # fmt: skip
            # At 1x1, normalization of a single picture would leave only the bias.
            if 0 < i < self.depth - 1:
                x = self._norm(f"down{i + 1}_norm")(x, train=train)
            skips.append(x)
        for i in reversed(range(1, self.depth)):
            x = self._up(widths[i - 1], i + 1)(nn.relu(x))
            x = self._norm(f"up{i + 1}_norm")(x, train=train)
            if self.depth - i <= self.dropped:
                x = Dropout(0.5)(x, train=train)
            x = jnp.concatenate([x, skips[i - 1]], axis=-1)
        x = self._up(self.outputs, 1, bias=True)(nn.relu(x))
        return logits_float32(x[:, :height, :width])

    def _norm(self, name):
        return PictureNorm(self.instance, self.style, name=name)

    def _up(self, features, level, bias=False):
        return ConvTranspose(
            features, 4, 2, padding=1, bias=bias, kernel_init=INIT,
            style=self.style, name=f"up{level}",
        )  # fmt: skip


class PatchGAN(nn.Module):
    """Predicts for each patch of a picture, given its condition, whether it is real.

    The receptive field is 1, 16, 34, 70, 142 or 286 pixels for `layers` 0 to 5.
    """

    layers: int = 3
    width: int = 64
    instance: bool = True
    style: BlockConfig = BlockConfig()

    @property
    def least_side(self) -> int:
        """Returns the smallest height and width of a picture that the network takes."""
        return 3 * 2**self.layers if self.layers else 1

    @nn.compact
    def __call__(self, condition: Array, picture: Array, *, train: bool) -> Array:
        """Maps [B, H, W, C] and [B, H, W, T] to logits [B, h, w], float32."""
        if min(picture.shape[1:3]) < self.least_side:
            raise ValueError(
                f"picture size={picture.shape[1:3]} is invalid: expected sides of at "
                f"least {self.least_side} pixels for layers={self.layers}. Use larger "
                "pictures or fewer layers."
            )
        x = jnp.concatenate([condition, picture], axis=-1)
        # (features, kernel size, stride) of each convolution but the last.
        plan = [(self.width, 4, 2)]
        plan += [(self.width * min(2**i, 8), 4, 2) for i in range(1, self.layers)]
        plan += [(self.width * min(2**self.layers, 8), 4, 1)]
        if not self.layers:
            plan = [(self.width, 1, 1), (2 * self.width, 1, 1)]
        for i, (features, kernel, stride) in enumerate(plan):
            x = self._conv(
                features, kernel=kernel, stride=stride, name=i + 1, bias=i == 0
            )(x)
            if i > 0:
                norm = PictureNorm(self.instance, self.style, name=f"norm{i + 1}")
                x = norm(x, train=train)
            x = nn.leaky_relu(x, SLOPE)
        last = self._conv(
            1,
            kernel=4 if self.layers else 1,
            stride=1,
            name="_last",
            bias=self.layers > 0,
        )
        return logits_float32(last(x)[..., 0])

    def _conv(self, features, kernel, stride, name, bias):
        return Conv(
            features, kernel, stride, padding=kernel // 4, bias=bias,
            kernel_init=INIT, style=self.style, name=f"conv{name}",
        )  # fmt: skip


class Pix2Pix(nn.Module):
    """Contains the generator and the discriminator of pix2pix.

    `__call__` applies the generator, and `judge` the discriminator. The generator
    returns logits: `tanh(logits)` is the generated picture, from -1 to 1. If the
    picture is a label map, the argmax of the logits is the class of each pixel.
    """

    generator: Generator
    discriminator: PatchGAN
    direction: str = DIRECTIONS[0]
    channels: int = PHOTO_CHANNELS  # Number of channels of the condition.

    def example_inputs(self) -> tuple[jax.ShapeDtypeStruct, ...]:
        """Returns the shape of a small image with which `init` can be called."""
        return (jax.ShapeDtypeStruct((1, 64, 64, self.channels), jnp.float32),)

    def __call__(self, image: Array, *, train: bool = False) -> dict[str, Array]:
        """Maps [B, H, W, C] to {"logits": [B, H, W, K]}."""
        logits = self.generator(image, train=train)
        if self.is_initializing():
            side = self.discriminator.least_side
            blank = [jnp.zeros((1, side, side, x.shape[-1])) for x in (image, logits)]
            self.discriminator(*blank, train=train)
        return {"logits": logits}

    def judge(self, condition: Array, picture: Array, *, train: bool) -> Array:
        """Returns the logit that each patch of a picture is real, [B, h, w].

        `condition` is the input image of the generator. `picture` is the true picture
        for this input, or the generated one.
        """
        return self.discriminator(condition, picture, train=train)


def pix2pix(
    num_classes: int,
    *,
    depth: int = 8,
    width: int = 64,
    dropped: int = 3,
    layers: int = 3,
    instance: bool = True,
    direction: str = DIRECTIONS[0],
    style: BlockConfig = BlockConfig(),
) -> Pix2Pix:
    """Creates pix2pix with a U-Net generator and a PatchGAN (arXiv 1611.07004).

    Args:
      num_classes: Number of channels of the label maps.
      depth: Number of times that the generator halves the size.
      width: Number of channels of the first layers.
      dropped: Number of decoder layers, counted from the first one, with dropout.
      layers: Number of layers of the discriminator, which determines the side of the
        patches: 1, 16, 70 or 286 pixels for 0, 1, 3 or 5 layers.
      instance: Whether to normalize each image separately if `style.norm` is "batch".
      direction: "photo_to_labels", or "labels_to_photo" to generate photos from label
        maps.
      style: Settings of normalization and dtype, see `BlockConfig`.

    Raises:
      ValueError: If the value of `direction`, `depth` or `layers` is not allowed.
    """
    if direction not in DIRECTIONS:
        raise ValueError(
            f"direction={direction!r} is invalid{one_of(direction, DIRECTIONS)}"
        )
    if depth < 2 or layers < 0:
        raise ValueError(
            f"depth={depth}, layers={layers} is invalid: expected depth >= 2 and "
            "layers >= 0."
        )
    channels, outputs = PHOTO_CHANNELS, num_classes
    if direction == DIRECTIONS[1]:
        channels, outputs = outputs, channels
    return Pix2Pix(
        Generator(
            outputs,
            depth=depth,
            width=width,
            dropped=dropped,
            instance=instance,
            style=style,
        ),
        discriminator=PatchGAN(layers, width=width, instance=instance, style=style),
        direction=direction,
        channels=channels,
    )
