"""SegNet, SegNet-Basic (arXiv 1511.00561) and Bayesian versions (arXiv 1511.02680).

The decoder unpools: it puts each value back at the position of the maximum that the
encoder's pooling found. Convolutions have biases, as in the released networks. Pooling
rounds sizes up, so that an image of 360x480 pixels gives maps of the published sizes,
23x30 and 12x15 at the last two levels.

The Bayesian networks apply dropout in testing as well if the caller passes an rng named
"dropout" (see `jaxseg.inference.mc_dropout`).

Differs: the statistics of batch normalization in the released networks were computed on
the training set after training. Here the statistics are running averages. The released
epsilon is 1e-9, and here it is 1e-5 (`style=BlockConfig(epsilon=1e-9)` restores the
released value).
"""

import jax.numpy as jnp
from flax import linen as nn

from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.layers import Conv, ConvNormAct, Dropout
from jaxseg.ops.lrn import local_response_norm
from jaxseg.ops.pool import max_pool_argmax
from jaxseg.ops.unpool import max_unpool
from jaxseg.text import one_of
from jaxseg.typing import Array

VGG16_REPEATS = (2, 2, 3, 3, 3)  # Convolutions per stage.
CENTRAL_SIX = ("enc3", "enc4", "enc5", "dec5", "dec4", "dec3")
CENTRAL_FOUR = ("enc3", "enc4", "dec4", "dec3")
IMAGENET_MEAN = (0.485, 0.456, 0.406)  # Of RGB in [0, 1], as in torchvision.
IMAGENET_STD = (0.229, 0.224, 0.225)  # Of RGB in [0, 1], as in torchvision.
CONTRASTS = ("lrn", "none")


class SegNet(nn.Module):
    """Predicts logits with the thirteen convolutions of VGG16 and a mirrored decoder.

    Attributes:
      num_classes: Number of classes.
      width: Number of channels of the first stage.
      repeats: Number of convolutions of each stage.
      drop_at: The stages that dropout follows: "enc1" to "enc5" after the pooling,
        "dec5" to "dec1" after the last convolution.
      dropout: Dropout rate.
      style: Settings of normalization and dtype, see `BlockConfig`.

    Raises:
      ValueError: If `drop_at` names an unknown stage.
    """

    num_classes: int
    width: int = 64
    repeats: tuple[int, ...] = VGG16_REPEATS
    drop_at: tuple[str, ...] = ()
    dropout: float = 0.5
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, image: Array, *, train: bool = False) -> dict[str, Array]:
        """Maps [B, H, W, C] to {"logits": [B, H, W, num_classes]}."""
        check_places(self.drop_at, len(self.repeats))
        x, places = self._encode(image, train)
        x = self._decode(x, places, train)
        x = Conv(self.num_classes, 3, style=self.style, name="classifier")(x)
        return {"logits": x.astype(jnp.float32)}

    def _drop(self, x: Array, place: str, train: bool) -> Array:
        if place not in self.drop_at:
            return x
        return Dropout(self.dropout)(x, train=train)

    def _conv(self, x: Array, features: int, name: str, train: bool) -> Array:
        block = ConvNormAct(features, bias=True, style=self.style, name=name)
        return block(x, train=train)

    def _widths(self) -> list[int]:
        return [self.width * min(2**level, 8) for level in range(len(self.repeats))]

    def _encode(self, x: Array, train: bool) -> tuple[Array, list]:
        places = []
        for level, (count, features) in enumerate(
            zip(self.repeats, self._widths(), strict=True), start=1
        ):
            for i in range(1, count + 1):
                x = self._conv(
                    x, features=features, name=f"enc{level}_{i}", train=train
                )
            size = x.shape[1:3]
            x, position = max_pool_argmax(x)
            places.append((position, size))
            x = self._drop(x, f"enc{level}", train)
        return x, places

    def _decode(self, x: Array, places: list, train: bool) -> Array:
        widths = self._widths()
        for level in range(len(places), 0, -1):
            x = max_unpool(x, *places[level - 1])
            count = self.repeats[level - 1]
            for i in range(1, count):
                x = self._conv(
                    x, features=widths[level - 1], name=f"dec{level}_{i}", train=train
                )
            if level > 1:  # The last convolution of level 1 is the classifier.
                x = self._conv(
                    x,
                    features=widths[level - 2],
                    name=f"dec{level}_{count}",
                    train=train,
                )
            x = self._drop(x, f"dec{level}", train)
        return x


class SegNetBasic(nn.Module):
    """Predicts logits with four encoders and four decoders of one 7x7 convolution each.

    The decoders have no ReLU.

    Attributes:
      num_classes: Number of classes.
      width: Number of channels of all layers.
      bias: Whether the convolutions have biases.
      contrast: "lrn" undoes the ImageNet normalization of a three-channel image and
        applies local response normalization to the values from 0 to 255, as in the
        released network. "none" does not change the image.
      drop_at: The stages that dropout follows: "enc1" to "enc4", "dec4" to "dec1".
      dropout: Dropout rate.
      style: Settings of normalization and dtype, see `BlockConfig`.

    Raises:
      ValueError: If contrast or `drop_at` is not allowed.
    """

    num_classes: int
    width: int = 64
    bias: bool = True
    contrast: str = "lrn"
    drop_at: tuple[str, ...] = ()
    dropout: float = 0.5
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, image: Array, *, train: bool = False) -> dict[str, Array]:
        """Maps [B, H, W, C] to {"logits": [B, H, W, num_classes]}."""
        check_places(self.drop_at, 4)
        x = self.normalize_contrast(image)
        places = []
        for level in (1, 2, 3, 4):
            x = self._conv(x, act="relu", name=f"enc{level}", train=train)
            size = x.shape[1:3]
            x, position = max_pool_argmax(x)
            places.append((position, size))
            x = self._drop(x, f"enc{level}", train)
        for level in (4, 3, 2, 1):
            x = max_unpool(x, *places[level - 1])
            x = self._conv(x, act="none", name=f"dec{level}", train=train)
            x = self._drop(x, f"dec{level}", train)
        x = Conv(self.num_classes, 1, style=self.style, name="classifier")(x)
        return {"logits": x.astype(jnp.float32)}

    def _conv(self, x: Array, act: str, name: str, train: bool) -> Array:
        block = ConvNormAct(
            self.width, 7, bias=self.bias, act=act, style=self.style, name=name
        )
        return block(x, train=train)

    def _drop(self, x: Array, place: str, train: bool) -> Array:
        if place not in self.drop_at:
            return x
        return Dropout(self.dropout)(x, train=train)

    def normalize_contrast(self, image: Array) -> Array:
        """Applies local response normalization if `contrast` is "lrn".

        The ImageNet normalization of the image [B, H, W, 3] is undone first. With
        "none", the image is returned unchanged.
        """
        if self.contrast not in CONTRASTS:
            raise ValueError(
                f"contrast={self.contrast!r} is invalid"
                f"{one_of(self.contrast, CONTRASTS)}"
            )
        if self.contrast == "none":
            return image
        if image.shape[-1] != 3:
            raise ValueError(
                f"contrast='lrn' is invalid: expected an image of 3 channels, but it "
                f"has {image.shape[-1]}. Set contrast='none'."
            )
        shape = (1, 1, 1, 3)
        mean = jnp.asarray(IMAGENET_MEAN, jnp.float32).reshape(shape)
        std = jnp.asarray(IMAGENET_STD, jnp.float32).reshape(shape)
        return local_response_norm(255.0 * (image * std + mean))


def check_places(places: tuple[str, ...], stages: int) -> None:
    """Raises ValueError unless all names in `places` are stages of the network.

    `places` lists the stages that dropout follows.
    """
    known = {f"{side}{i}" for side in ("enc", "dec") for i in range(1, stages + 1)}
    wrong = sorted(set(places) - known)
    if wrong:
        raise ValueError(
            f"drop_at={wrong} is invalid: expected some of {sorted(known)}."
        )


def segnet(
    num_classes: int,
    *,
    width: int = 64,
    repeats: tuple[int, ...] = VGG16_REPEATS,
    style: BlockConfig = BlockConfig(),
) -> SegNet:
    """Creates SegNet on VGG16 (arXiv 1511.00561).

    The options are the attributes of `SegNet`, such as `width` and `repeats`.
    """
    return SegNet(num_classes, width, repeats, style=style)


def segnet_basic(
    num_classes: int,
    *,
    width: int = 64,
    bias: bool = True,
    contrast: str = "lrn",
    style: BlockConfig = BlockConfig(),
) -> SegNetBasic:
    """Creates SegNet-Basic (arXiv 1511.00561).

    `bias=False` follows the text of the paper. The options are the attributes of
    `SegNetBasic`, such as `contrast`.
    """
    return SegNetBasic(
        num_classes, width=width, bias=bias, contrast=contrast, style=style
    )


def bayesian_segnet(
    num_classes: int,
    *,
    width: int = 64,
    repeats: tuple[int, ...] = VGG16_REPEATS,
    dropout: float = 0.5,
    drop_at: tuple[str, ...] = CENTRAL_SIX,
    style: BlockConfig = BlockConfig(),
) -> SegNet:
    """Creates SegNet with dropout at the central six stages (arXiv 1511.02680).

    The options are the attributes of `SegNet`, such as `drop_at` and `dropout`.
    """
    return SegNet(
        num_classes,
        width=width,
        repeats=repeats,
        drop_at=drop_at,
        dropout=dropout,
        style=style,
    )


def bayesian_segnet_basic(
    num_classes: int,
    *,
    width: int = 64,
    bias: bool = True,
    contrast: str = "lrn",
    dropout: float = 0.5,
    drop_at: tuple[str, ...] = CENTRAL_FOUR,
    style: BlockConfig = BlockConfig(),
) -> SegNetBasic:
    """Creates SegNet-Basic with dropout at the central four stages (arXiv 1511.02680).

    The options are the attributes of `SegNetBasic`, such as `drop_at` and `dropout`.
    """
    return SegNetBasic(
        num_classes,
        width=width,
        bias=bias,
        contrast=contrast,
        drop_at=drop_at,
        dropout=dropout,
        style=style,
    )
