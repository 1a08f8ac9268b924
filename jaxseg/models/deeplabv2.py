"""DeepLab v2 (arXiv 1606.00915): ASPP on VGG-16 and ResNet-101, multi-scale inputs.

The scores of parallel rates are summed. With several scales, the network processes each
resized image with shared weights, and each pixel takes the maximum over the scales.

As in Caffe, pooling rounds sizes up, so that an image side of 320 pixels gives 41
cells. In all other respects, the ResNet networks follow kazuto1011/deeplab-pytorch
under PyTorch 1.6 and later, including the sizes of the scaled images and the positions
of their pixels. The VGG-16 networks follow the authors' Caffe prototxts, which align
the corners.

Differs: batch norm is trained by default. The Caffe network and deeplab-pytorch freeze
it, as `style=BlockConfig("frozen")` does. The momentum in deeplab-pytorch is 0.001,
which is `BlockConfig(momentum=0.999)`.
"""

import jax.numpy as jnp
from flax import linen as nn

from jaxseg.backbones.deeplab_vgg import DeepLabVGG
from jaxseg.backbones.resnet import create_resnet
from jaxseg.backbones.resnet_variant import CAFFE
from jaxseg.backbones.vgg import CHANNELS
from jaxseg.heads.aspp import ScoreSumHead
from jaxseg.heads.largefov import LargeFOVHead
from jaxseg.models.options import split_options
from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.layers import logits_float32
from jaxseg.ops.rescale import rescale, zoom
from jaxseg.ops.resize import resize
from jaxseg.typing import Array, Outputs

LARGE = (6, 12, 18, 24)  # The rates of ASPP-L in the paper.
SMALL = (2, 4, 8, 12)  # The rates of ASPP-S in the paper.


class MultiScale(nn.Module):
    """Takes the maximum of the logits over several scales of the image.

    The maximum is computed at the feature resolution of the first scale. With more than
    one scale, "aux_1", "aux_2", ... are the logits of the scales. With three scales,
    the losses of the scales and the loss of the maximum are the paper's four losses.
    The paper weights all four by 1, so set the auxiliary weight to 1.

    Attributes:
      backbone: Maps an image to a dictionary of feature maps, named after their stages,
        such as "c4" and "c5".
      head: Maps this dictionary to logits.
      scales: Scales of the image. The first one sets the resolution of the maximum.
      align_corners: Whether the resizing of logits aligns corners.
      image_rule: The rule for the sizes of the scaled images and the positions of their
        pixels, see `jaxseg.ops.rescale.rescale`.
      zoom: An integer factor. If given, the logits are enlarged by it with aligned
        corners and cropped to the size of the image, as Caffe does, in place of the
        final resizing.

    Differs: the loss of each scale is computed at the resolution of the image. The
    paper shrinks the labels to the logits of the scale.
    """

    backbone: nn.Module
    head: nn.Module
    scales: tuple[float, ...] = (1.0,)
    align_corners: bool = False
    image_rule: str = "factor"
    zoom: int | None = None

    def __call__(self, image: Array, *, train: bool = False) -> Outputs:
        maps = []
        for scale in self.scales:
            x = image if scale == 1 else rescale(image, scale, self.image_rule)
            scores = self.head(self.backbone(x, train=train), train=train)
            maps.append(logits_float32(scores))
        fused = maps[0]
        for scores in maps[1:]:
            resized = resize(scores, fused.shape[1:3], align_corners=self.align_corners)
            fused = jnp.maximum(fused, resized)
        outputs = {"logits": self._whole(fused, image)}
        if len(maps) > 1:
            for number, scores in enumerate(maps, start=1):
                outputs[f"aux_{number}"] = self._upsample(scores, image)
        return outputs

    def _whole(self, scores, image):
        if self.zoom is None or self.scales[0] != 1:
            return self._upsample(scores, image)
        return zoom(scores, self.zoom, image.shape[1:3])

    def _upsample(self, scores, image):
        return resize(scores, image.shape[1:3], align_corners=self.align_corners)


def deeplabv2(
    num_classes: int,
    backbone: nn.Module,
    *,
    output_stride: int = 8,
    rates: tuple[int, ...] | None = None,
    scales: tuple[float, ...] = (1.0, 0.75, 0.5),
    image_rule: str = "factor",
    style: BlockConfig = BlockConfig(),
) -> MultiScale:
    """Adds the logits of classifiers on c5 at several atrous rates (arXiv 1606.00915).

    Args:
      num_classes: Number of classes.
      backbone: Maps an image to a dictionary of feature maps that contains "c5".
      output_stride: Output stride of c5, by which the default rates are scaled.
      rates: Atrous rates. None takes (6, 12, 18, 24) at output stride 8, scaled in
        inverse proportion to the output stride. () gives a single 1x1 classifier.
      scales: Scales of the image, over which the maximum of the logits is taken; (1.0,)
        runs the image once.
      image_rule: The rule for the sizes of the scaled images and the positions of their
        pixels: "factor", "size" or "corners", see `jaxseg.ops.rescale.rescale`.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """
    head = ScoreSumHead(num_classes, _scaled(rates, output_stride), style=style)
    return MultiScale(backbone, head, scales, image_rule=image_rule)


def deeplabv2_vgg16(
    num_classes: int,
    *,
    output_stride: int = 8,
    rates: tuple[int, ...] | None = None,
    features: int = 1024,
    atrous_pooling: bool = False,
    scales: tuple[float, ...] = (1.0,),
    channels: tuple[int, ...] = CHANNELS,
    caffe_sizes: bool = True,
    style: BlockConfig = BlockConfig(),
) -> MultiScale:
    """Creates DeepLab v2 on VGG-16 (arXiv 1606.00915).

    It sums the logits of four branches that read pool5, each with layers fc6, fc7 and
    fc8. Scaled images have floor((n - 1) * scale) + 1 pixels with aligned corners.

    Args:
      num_classes: Number of classes.
      output_stride: 8, 16 or 32.
      rates: Atrous rates of fc6. None takes those of ASPP-L, (6, 12, 18, 24) at output
        stride 8, scaled in inverse proportion to the output stride. (2, 4, 8, 12) is
        ASPP-S and (12,) LargeFOV.
      features: Number of channels of fc6 and fc7.
      atrous_pooling: Whether pool5 has an atrous rate, like the convolutions before it.
        In the released networks it has rate 1.
      scales: Scales of the image, over which the maximum of the logits is taken.
      channels: Number of channels of each block of VGG.
      caffe_sizes: False restores the arithmetic of the first version of jaxseg: pooling
        rounds down, and scaled images have half-pixel centers.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """
    backbone = DeepLabVGG(
        output_stride,
        average=False,
        atrous_pooling=atrous_pooling,
        channels=channels,
        style=style,
        ceil=caffe_sizes,
    )
    head = LargeFOVHead(
        num_classes, _scaled(rates, output_stride), features, style=style
    )
    rule, whole = ("corners", output_stride) if caffe_sizes else ("size", None)
    return MultiScale(
        backbone,
        head=head,
        scales=scales,
        align_corners=True,
        image_rule=rule,
        zoom=whole,
    )


def deeplabv2_resnet101(
    num_classes: int,
    *,
    depth: int = 101,
    output_stride: int = 8,
    caffe_sizes: bool = True,
    style: BlockConfig = BlockConfig(),
    **options,
) -> MultiScale:
    """Creates DeepLab v2 on ResNet-101 (arXiv 1606.00915).

    It has the large rates of the paper's ASPP-L and takes the maximum of the logits
    over three image scales.

    Args:
      num_classes: Number of classes.
      depth: Depth of the ResNet.
      output_stride: 8, 16 or 32.
      caffe_sizes: False, together with `image_rule="size"`, restores the arithmetic of
        the first version of jaxseg, whose pooling rounds down.
      style: Settings of normalization and dtype, see `BlockConfig`.
      **options: Options of `create_resnet` and of `deeplabv2`.
    """
    trunk, rest = split_options(options)
    trunk = {"variant": CAFFE, "ceil": caffe_sizes, **trunk}
    backbone = create_resnet(depth, output_stride, style=style, **trunk)
    return deeplabv2(
        num_classes, backbone, output_stride=output_stride, style=style, **rest
    )


def _scaled(rates, output_stride):
    if rates is not None:
        return rates
    return tuple(rate * 8 // output_stride for rate in LARGE)
