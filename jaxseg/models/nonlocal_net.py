"""A dilated ResNet with a non-local segmentation head (arXiv 1711.07971)."""

from jaxseg.backbones.resnet import ResNet
from jaxseg.heads.classifier import PixelHead
from jaxseg.heads.non_local import NonLocalHead
from jaxseg.models.compose import EncoderDecoder
from jaxseg.nn.block_config import BlockConfig


def nonlocal_net(
    num_classes: int,
    *,
    depth: int = 50,
    mode: str = "embedded_gaussian",
    use_scale: bool = False,
    subsample: bool = False,
    features: int = 512,
    attention: str = "auto",
    align_corners: bool = False,
    style: BlockConfig = BlockConfig(),
    **trunk,
) -> EncoderDecoder:
    """Creates a ResNet with a non-local head at output stride 8 (arXiv 1711.07971).

    Args:
      num_classes: Number of classes.
      depth: Depth of the ResNet.
      mode: See `jaxseg.nn.attention.NonLocal`.
      use_scale: Whether to divide the scores by sqrt(C / 2). MMSegmentation does so by
        default, the paper does not.
      subsample: See `jaxseg.nn.attention.NonLocal`.
      features: Number of channels of the head. The auxiliary head has half as many.
      attention: "auto", "plain" or "block", see `jaxseg.ops.attention.attend`.
      align_corners: Whether the final resizing aligns corners.
      style: See `BlockConfig`.
      **trunk: Further attributes of `ResNet`, such as `stem`.
    """
    head = NonLocalHead(
        num_classes,
        features,
        mode,
        use_scale,
        subsample,
        attention=attention,
        style=style,
    )
    return EncoderDecoder(
        ResNet(depth, 8, style=style, **trunk),
        head,
        PixelHead(num_classes, features // 2, style=style),
        align_corners=align_corners,
    )
