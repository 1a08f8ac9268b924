"""DeepLab v2 (arXiv 1606.00915): ASPP on VGG-16 and ResNet-101, multi-scale inputs.

Scores of parallel rates are summed. With several scales the network runs on each
resized image with shared weights, and the largest score of the scales wins.

Pooling follows Caffe's size rule: 320 pixels give 41 cells. The networks on ResNet take
everything else from kazuto1011/deeplab-pytorch as it runs under PyTorch 1.6 and later,
the sizes and positions of the scaled images included; those on VGG-16 take it from the
authors' Caffe prototxts, whose corners are aligned.

Differs: batch norm is trained unless `style` freezes it (`Style("frozen")`), as the
Caffe network and the port do; the port's momentum is 0.001 (0.999 here).
"""

import jax.numpy as jnp
from flax import linen as nn

from jaxseg.backbones.deeplab_vgg import DeepLabVGG
from jaxseg.backbones.resnet import ResNet
from jaxseg.backbones.vgg import CHANNELS
from jaxseg.heads.aspp import ScoreSumHead
from jaxseg.heads.largefov import LargeFOVHead
from jaxseg.nn.block_config import Style
from jaxseg.nn.layers import logits_float32
from jaxseg.ops.rescale import rescale, zoom
from jaxseg.ops.resize import resize
from jaxseg.typing import Array, Outputs

LARGE = (6, 12, 18, 24)
SMALL = (2, 4, 8, 12)


class MultiScale(nn.Module):
    """logits = element-wise maximum over scales of head(backbone(resized image)).

    The maximum is taken at the first scale's feature resolution. With more than one
    scale "aux_1", "aux_2", ... are the scales' own logits: with the fused ones they are
    the paper's four losses, all of weight 1 (set the auxiliary weight to 1).

    Attributes:
      scales: of the image; the first sets the resolution of the fusion.
      align_corners: corner rule of resizing logits.
      image_rule: sizes and positions of the scaled images, see
        `jaxseg.ops.rescale.rescale`.
      zoom: enlarge the fused logits by this whole factor with aligned corners and cut
        them to the image, Caffe's way, in place of resizing them.

    Differs: each scale's loss is taken at the image's resolution, not on labels shrunk
    to the scale's own logits.
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
    style: Style = Style(),
) -> MultiScale:
    """DeepLab v2 on VGG-16 (arXiv 1606.00915): four fc6-fc7-fc8 branches, summed.

    Rates default to ASPP-L (6, 12, 18, 24) at stride 8 and fall with it; (2, 4, 8, 12)
    is ASPP-S, (12,) LargeFOV. The branches read pool5 itself. Scaled images have
    floor((n - 1) scale) + 1 pixels with aligned corners.

    `caffe_sizes=False` restores the arithmetic of jaxseg's first version: pooling
    rounds down, and scaled images have half-pixel centers.
    """
    backbone = DeepLabVGG(
        output_stride, False, atrous_pooling, channels, style, caffe_sizes
    )
    head = LargeFOVHead(
        num_classes, _scaled(rates, output_stride), features, style=style
    )
    rule, whole = ("corners", output_stride) if caffe_sizes else ("size", None)
    return MultiScale(backbone, head, scales, True, rule, whole)


def deeplabv2_resnet101(
    num_classes: int,
    *,
    depth: int = 101,
    output_stride: int = 8,
    rates: tuple[int, ...] | None = None,
    multi_grid: tuple[int, ...] = (1, 1, 1),
    scales: tuple[float, ...] = (1.0, 0.75, 0.5),
    stride_in: str = "conv1",
    width: int = 64,
    blocks: tuple[int, ...] | None = None,
    image_rule: str = "factor",
    caffe_sizes: bool = True,
    style: Style = Style(),
) -> MultiScale:
    """DeepLab v2 on ResNet-101 (arXiv 1606.00915): ASPP-L, three scales, maximum.

    `stride_in="conv1"` is the original Caffe placement. `rates=()` is a plain 1x1.
    `scales=(1.0,)` runs the image once. `image_rule`: see
    `jaxseg.ops.rescale.rescale`.

    `image_rule="size", caffe_sizes=False` restores the arithmetic of jaxseg's first
    version, whose pooling rounds down.
    """
    backbone = ResNet(
        depth,
        output_stride,
        multi_grid,
        "7x7",
        stride_in,
        width,
        blocks,
        style,
        ceil=caffe_sizes,
    )
    head = ScoreSumHead(num_classes, _scaled(rates, output_stride), style=style)
    return MultiScale(backbone, head, scales, image_rule=image_rule)


def _scaled(rates, output_stride):
    if rates is not None:
        return rates
    return tuple(rate * 8 // output_stride for rate in LARGE)
