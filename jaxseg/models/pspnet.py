"""PSPNet (arXiv 1612.01105): pyramid pooling on a dilated ResNet, deep supervision.

The networks have the authors' "beta" stem, output stride 8, an auxiliary head on c4 and
aligned corners. The authors use only images with sides of 8 k + 1 pixels, for which the
corners of all maps align exactly.

Differs: at other sizes, the output size of pooling is rounded down, as in the authors'
later PyTorch code. In their Caffe networks, it is rounded up.
"""

import dataclasses
from functools import partial
from typing import Any

from flax import linen as nn

from jaxseg.backbones.resnet import create_resnet
from jaxseg.backbones.resnet_variant import BETA
from jaxseg.heads.fcn import FCNHead
from jaxseg.heads.presence import take_presence
from jaxseg.heads.pyramid import PSPHead
from jaxseg.models.compose import EncoderDecoder
from jaxseg.models.options import split_options
from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.context import PyramidPooling


def pspnet(
    num_classes: int,
    backbone: nn.Module,
    *,
    bins: tuple[int, ...] = (1, 2, 3, 6),
    features: int = 512,
    aux: bool = True,
    align_corners: bool = True,
    style: BlockConfig = BlockConfig(),
    **options,
) -> EncoderDecoder:
    """Puts the head of PSPNet on a backbone with c4 and c5 (arXiv 1612.01105).

    The auxiliary loss has weight 0.4.

    Args:
      num_classes: Number of classes.
      backbone: Maps an image to a dictionary of feature maps, named after their stages,
        such as "c4" and "c5".
      bins: For each branch of the pyramid, the number of cells along each axis.
      features: Number of channels of each branch of the pyramid pooling.
      aux: Whether there is an auxiliary head on c4.
      align_corners: Whether all resizing aligns corners.
      style: Settings of normalization and dtype, see `BlockConfig`.
      **options: Attributes of the pooling (`norm_single`, `input_first`) and of the
        head (`fuse_kernel`, `dropout`, `score_kernel`, `tap`, `fuse_features`).
        `decoder_norm` is the normalization of the head, a value of `BlockConfig.norm`;
        with "none", its convolutions have a bias. `presence` adds a head that
        classifies whole images, and is its number of classes, see
        `jaxseg.heads.presence.take_presence`.
    """
    kept: dict[str, Any] = {
        k: options.pop(k) for k in ("norm_single", "input_first") if k in options
    }
    presence = take_presence(options, options.get("tap", "c5"), style)
    norm = options.pop("decoder_norm", None)
    if norm is not None:
        kept["bias"] = options["bias"] = norm == "none"
    own = style if norm is None else dataclasses.replace(style, norm=norm)
    pyramid = PyramidPooling(features, bins, align_corners, style=own, **kept)
    fuse = options.pop("fuse_features", None)
    aux_head = None
    if aux:
        aux_head = FCNHead(num_classes, tap=None, style=style, channel_dropout=True)
    return EncoderDecoder(
        backbone,
        PSPHead(num_classes, pyramid, fuse, style=own, **options),
        aux_head,
        align_corners=align_corners,
        aux_presence=presence,
    )


def pspnet_resnet(
    num_classes: int,
    *,
    depth: int = 50,
    output_stride: int = 8,
    style: BlockConfig = BlockConfig(),
    **options,
) -> EncoderDecoder:
    """Creates PSPNet on a ResNet (arXiv 1612.01105).

    The authors' ResNet-50 has `stride_in="conv1"`.

    Differs: where an atrous rate replaces the stride of a 3x3 convolution, this
      convolution keeps its old rate, and only later layers have the new rate. The
      network then computes the same features as the network with strides, at more
      positions. In the authors' ResNet-101, the convolution itself also has the new
      rate (`eager_rate=True`).

    Args:
      num_classes: Number of classes.
      depth: Depth of the ResNet.
      output_stride: 4, 8, 16 or 32.
      style: Settings of normalization and dtype, see `BlockConfig`.
      **options: Options of `create_resnet` and of `pspnet`.
    """
    trunk, rest = split_options(options)
    trunk = {"variant": BETA, **trunk}
    backbone = create_resnet(depth, output_stride, style=style, **trunk)
    return pspnet(num_classes, backbone, style=style, **rest)


pspnet_resnet50 = partial(pspnet_resnet, depth=50)
pspnet_resnet101 = partial(pspnet_resnet, depth=101)
pspnet_resnet152 = partial(pspnet_resnet, depth=152)
