"""A dilated ResNet with a non-local segmentation head (arXiv 1711.07971)."""

from flax import linen as nn

from jaxseg.backbones.resnet import create_resnet
from jaxseg.heads.classifier import PixelHead
from jaxseg.heads.non_local import NonLocalHead
from jaxseg.models.compose import EncoderDecoder
from jaxseg.models.options import split_options
from jaxseg.nn.block_config import BlockConfig


def nonlocal_net(
    num_classes: int,
    backbone: nn.Module,
    *,
    mode: str = "embedded_gaussian",
    use_scale: bool = False,
    subsample: bool = False,
    features: int = 512,
    attention: str = "auto",
    align_corners: bool = False,
    style: BlockConfig = BlockConfig(),
) -> EncoderDecoder:
    """Puts a non-local head on a backbone with c4 and c5 (arXiv 1711.07971).

    Args:
      num_classes: Number of classes.
      backbone: Maps an image to a dictionary of feature maps, named after their stages,
        such as "c4" and "c5".
      mode: How pixels are compared: "embedded_gaussian", "gaussian", "dot_product" or
        "concatenation", see `jaxseg.nn.attention.NonLocal`.
      use_scale: Whether to divide the attention scores by the square root of the number
        of channels of a query. MMSegmentation does so by default, the paper does not.
      subsample: Whether 2x2 max pooling precedes the layers for keys and values.
      features: Number of channels of the head. The auxiliary head has half as many.
      attention: "plain" stores all attention scores at once, "block" a part of them at
        a time, and "auto" chooses by their number.
      align_corners: Whether the final resizing aligns corners.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """
    head = NonLocalHead(
        num_classes,
        features=features,
        mode=mode,
        use_scale=use_scale,
        subsample=subsample,
        attention=attention,
        style=style,
    )
    return EncoderDecoder(
        backbone,
        head,
        PixelHead(num_classes, features // 2, style=style),
        align_corners=align_corners,
    )


def nonlocal_resnet(
    num_classes: int,
    *,
    depth: int = 50,
    style: BlockConfig = BlockConfig(),
    **options,
) -> EncoderDecoder:
    """Creates a ResNet with a non-local head at output stride 8 (arXiv 1711.07971).

    Args:
      num_classes: Number of classes.
      depth: Depth of the ResNet.
      style: Settings of normalization and dtype, see `BlockConfig`.
      **options: Options of `create_resnet` and of `nonlocal_net`.
    """
    trunk, rest = split_options(options)
    backbone = create_resnet(depth, 8, style=style, **trunk)
    return nonlocal_net(num_classes, backbone, style=style, **rest)
