"""Fully convolutional networks on VGG16: 32s, 16s, 8s (arXiv 1411.4038, 1605.06211).

The network has two forms. "pad100" is the published one: the first convolution pads 100
pixels, fc6 is unpadded, and the skip maps and the result are cropped at fixed offsets.
"same" pads every convolution so that the size of its map does not change. The maps are
then aligned, and only the rows and columns that ceil-mode pooling added are cropped. By
default there is no normalization, and deconvolutions are bilinear.
"""

import dataclasses

import jax.numpy as jnp
from flax import linen as nn

from jaxseg.backbones.vgg import VGG
from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.layers import Conv, ConvNormAct, Dropout
from jaxseg.nn.upsample import BilinearDeconv
from jaxseg.text import one_of
from jaxseg.typing import Array, Size

FORMS = ("pad100", "same")
LEARNED = ("none", "intermediate", "all")
STRIDES = (32, 16, 8)  # The variants of the paper: FCN-32s, FCN-16s and FCN-8s.
# Offsets that align the grids of the pad-100 form. Pixel k of the 1/32 score has its
# center at 32k + 12.5 in the image, cell u of its doubling at 16u - 11.5 and cell m of
# pool4 at 16m - 91.5, so m = u + 5. The same computation gives 9 for pool3. The last
# crops follow from the half-kernels 31.5, 15.5 and 7.5.
SKIP_OFFSET = {16: 5, 8: 9}
LAST_CROP = {32: 19, 16: 27, 8: 31}
# The factors before the score layers in the release for training in one stage.
SKIP_SCALE = {16: 1e-2, 8: 1e-4}


class FCN(nn.Module):
    """Applies FCN on VGG16; returns logits at the resolution of an image of any size.

    Attributes:
      num_classes: Number of classes.
      stride: Stride of the finest score map: 32 (FCN-32s), 16 (FCN-16s) or 8 (FCN-8s).
      form: How the convolutions are padded. "pad100", as published, pads the first one
        by 100 pixels. "same" pads each so that the size of its map does not change.
      learned: Which deconvolutions are trained: "none" (as in the release),
        "intermediate" (all but the last, as in the paper) or "all". Their initial
        values are bilinear.
      at_once: Whether to multiply the skip maps by the fixed factors 0.01 and 0.0001,
        for training in one stage.
      width: Number of channels of the first block.
      fc_width: Number of channels of fc6 and fc7.
      dropout: Dropout rate.
      batch_norm: Whether normalization follows every convolution except the score
        layers, for training without pretrained weights.
      style: Settings of normalization and dtype, see `BlockConfig`.

    Raises:
      ValueError: If stride, form or learned is not allowed.
    """

    num_classes: int
    stride: int = 32
    form: str = "pad100"
    learned: str = "none"
    at_once: bool = False
    width: int = 64
    fc_width: int = 4096
    dropout: float = 0.5
    batch_norm: bool = False
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, image: Array, *, train: bool = False) -> dict[str, Array]:
        """Maps [B, H, W, C] to {"logits": [B, H, W, num_classes]}."""
        self._check()
        style = self.style
        if not self.batch_norm:
            style = dataclasses.replace(style, norm="none")
        pools = VGG(
            batch_norm=self.batch_norm,
            ceil=True,
            first_padding=100 if self.form == "pad100" else 1,
            channels=tuple(self.width * factor for factor in (1, 2, 4, 8, 8)),
            style=self.style,
            name="backbone",
        )(image, train=train)
        x = self._classify(pools["c5"], style, train)
        if self.stride <= 16:
            x = self._join(x, pools["c4"], 16)
        if self.stride == 8:
            x = self._join(x, pools["c3"], 8)
        crop = LAST_CROP[self.stride] if self.form == "pad100" else self.stride // 2
        x = self._up(
            x, stride=self.stride, crop=crop, size=image.shape[1:3], name="upscore"
        )
        return {"logits": x.astype(jnp.float32)}

    def _check(self) -> None:
        for name, allowed in (
            ("stride", STRIDES),
            ("form", FORMS),
            ("learned", LEARNED),
        ):
            if getattr(self, name) not in allowed:
                value = getattr(self, name)
                raise ValueError(f"{name}={value!r} is invalid{one_of(value, allowed)}")

    def _classify(self, x: Array, style: BlockConfig, train: bool) -> Array:
        padding = 0 if self.form == "pad100" else 3
        for name, kernel, pad in (("fc6", 7, padding), ("fc7", 1, 0)):
            conv = ConvNormAct(
                self.fc_width, kernel, padding=pad, bias=True, style=style, name=name
            )
            x = Dropout(self.dropout)(conv(x, train=train), train=train)
        return self._score(x, "score_fr")

    def _score(self, x: Array, name: str) -> Array:
        x = Conv(self.num_classes, 1, kernel_init="zeros", style=self.style, name=name)(
            x
        )
        return x.astype(jnp.float32)

    def _join(self, x: Array, pool: Array, stride: int) -> Array:
        """Doubles the score and adds the score of the finer map."""
        if self.at_once:
            pool = pool * SKIP_SCALE[stride]
        skip = self._score(pool, f"score_{stride}s")
        if self.form == "same":
            return skip + self._up(
                x, stride=2, crop=1, size=skip.shape[1:3], name=f"upscore_{stride}s"
            )
        size = (2 * x.shape[1] + 2, 2 * x.shape[2] + 2)
        x = self._up(x, stride=2, crop=0, size=size, name=f"upscore_{stride}s")
        at = SKIP_OFFSET[stride]
        return x + skip[:, at : at + size[0], at : at + size[1]]

    def _up(self, x: Array, stride: int, crop: int, size: Size, name: str) -> Array:
        last = name == "upscore"
        learned = self.learned == "all" or (self.learned == "intermediate" and not last)
        up = BilinearDeconv(
            stride,
            kernel=2 * stride,
            crop=crop,
            learned=learned,
            style=self.style,
            name=name,
        )
        return up(x, size).astype(jnp.float32)


def fcn32s_vgg16(
    num_classes: int,
    *,
    form: str = "pad100",
    learned: str = "none",
    width: int = 64,
    fc_width: int = 4096,
    dropout: float = 0.5,
    batch_norm: bool = False,
    style: BlockConfig = BlockConfig(),
) -> FCN:
    """Creates FCN-32s on VGG16 (arXiv 1411.4038).

    The options are the attributes of `FCN`, such as `form` and `learned`.
    """
    return FCN(
        num_classes,
        stride=32,
        form=form,
        learned=learned,
        at_once=False,
        width=width,
        fc_width=fc_width,
        dropout=dropout,
        batch_norm=batch_norm,
        style=style,
    )


def fcn16s_vgg16(
    num_classes: int,
    *,
    at_once: bool = False,
    style: BlockConfig = BlockConfig(),
    **options,
) -> FCN:
    """Creates FCN-16s on VGG16 (arXiv 1411.4038).

    The options are the attributes of `FCN`, such as `form` and `learned`.
    """
    base = fcn32s_vgg16(num_classes, style=style, **options)
    return base.clone(stride=16, at_once=at_once)


def fcn8s_vgg16(
    num_classes: int,
    *,
    at_once: bool = False,
    style: BlockConfig = BlockConfig(),
    **options,
) -> FCN:
    """Creates FCN-8s on VGG16 (arXiv 1411.4038).

    The options are the attributes of `FCN`, such as `form` and `learned`.
    """
    base = fcn32s_vgg16(num_classes, style=style, **options)
    return base.clone(stride=8, at_once=at_once)


def fcn8s_atonce_vgg16(
    num_classes: int, *, style: BlockConfig = BlockConfig(), **options
) -> FCN:
    """Creates FCN-8s on VGG16 for training in one stage (arXiv 1605.06211).

    The options are the attributes of `FCN`, such as `form` and `learned`.
    """
    return fcn8s_vgg16(num_classes, at_once=True, style=style, **options)
