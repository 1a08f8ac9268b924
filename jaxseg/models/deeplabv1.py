"""DeepLab v1 (arXiv 1412.7062): atrous VGG-16, LargeFOV and its variants.

The networks follow the authors' Caffe prototxts. As in Caffe, pooling rounds sizes up,
so that an image side of 320 pixels gives 41 cells. The scores are enlarged to 321
pixels with aligned corners and cropped to the image. The dense CRF is a separate step
(see `jaxseg.inference`).
"""

from functools import partial

from flax import linen as nn

from jaxseg.backbones.deeplab_vgg import DeepLabVGG
from jaxseg.backbones.vgg import CHANNELS
from jaxseg.heads.largefov import LargeFOVHead
from jaxseg.models.compose import EncoderDecoder
from jaxseg.nn.block_config import BlockConfig


def deeplabv1(
    num_classes: int,
    backbone: nn.Module,
    *,
    output_stride: int = 8,
    rate: int | None = None,
    kernel: int = 3,
    features: int = 1024,
    style: BlockConfig = BlockConfig(),
) -> EncoderDecoder:
    """Puts the LargeFOV head on a backbone with c5 (arXiv 1412.7062).

    Args:
      num_classes: Number of classes.
      backbone: Maps an image to a dictionary of feature maps, named after their stages,
        such as "c4" and "c5".
      output_stride: Output stride of c5, by which the default rate is scaled.
      rate: Atrous rate of fc6; None takes 96 / output_stride.
      kernel: Kernel size of fc6.
      features: Number of channels of fc6 and fc7.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """
    rate = max(1, 96 // output_stride) if rate is None else rate
    head = LargeFOVHead(
        num_classes, rates=(rate,), features=features, kernel=kernel, style=style
    )
    return EncoderDecoder(backbone, head, align_corners=True)


def deeplabv1_vgg16(
    num_classes: int,
    *,
    output_stride: int = 8,
    rate: int | None = None,
    kernel: int = 3,
    features: int = 1024,
    fusion: str = "none",
    atrous_pooling: bool = False,
    scale_features: int = 128,
    channels: tuple[int, ...] = CHANNELS,
    caffe_sizes: bool = True,
    style: BlockConfig = BlockConfig(),
) -> EncoderDecoder:
    """Creates DeepLab-LargeFOV (arXiv 1412.7062).

    Its layer fc6 is a 3x3 convolution with 1024 channels at rate 12. The paper compares
    it with DeepLab (`kernel=4, rate=4`), DeepLab-4x4 (`kernel=4, rate=8`) and
    DeepLab-7x7 (`kernel=7, rate=4`), each with `features=4096`.

    Args:
      num_classes: Number of classes.
      output_stride: 8, 16 or 32.
      rate: Atrous rate of fc6; None takes 96 / output_stride.
      kernel: Kernel size of fc6.
      features: Number of channels of fc6 and fc7.
      fusion: How the multi-scale branches (MSc), which read early layers, are used.
        "concat" joins their features with those of fc7, as in the paper. "sum" adds
        their logits, as in the released networks. "none" omits them.
      atrous_pooling: Whether pool5 and the average pooling have an atrous rate above 1.
      scale_features: Number of channels of the early predictions.
      channels: Number of channels of each block of VGG.
      caffe_sizes: False restores the arithmetic of the first version of jaxseg: pooling
        rounds down, and early maps are resized with half-pixel centers. The results
        differ if a side does not have 8 k + 1 pixels, and always if `fusion` is used.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """
    backbone = DeepLabVGG(
        output_stride,
        atrous_pooling=atrous_pooling,
        channels=channels,
        style=style,
        ceil=caffe_sizes,
    )
    strides = (1, *(min(2**level, output_stride) for level in (1, 2, 3, 4, 5)))
    rate = 96 // output_stride if rate is None else rate
    head = LargeFOVHead(
        num_classes,
        rates=(rate,),
        features=features,
        kernel=kernel,
        fusion=fusion,
        scale_features=scale_features,
        style=style,
        strides=strides if caffe_sizes else None,
    )
    if not caffe_sizes:
        return EncoderDecoder(backbone, head, align_corners=True)
    whole = 1 if fusion == "sum" else output_stride
    return EncoderDecoder(backbone, head, zoom=whole)


deeplabv1_vgg16_4x4 = partial(deeplabv1_vgg16, kernel=4, rate=8, features=4096)
deeplabv1_vgg16_7x7 = partial(deeplabv1_vgg16, kernel=7, rate=4, features=4096)
deeplabv1_vgg16_msc = partial(deeplabv1_vgg16, fusion="concat")
