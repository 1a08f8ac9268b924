"""Non-local block as a segmentation head on a dilated ResNet (arXiv 1711.07971)."""

from jaxseg.backbones.resnet import ResNet
from jaxseg.heads.classifier import PixelHead
from jaxseg.heads.non_local import NonLocalHead
from jaxseg.models.compose import EncoderDecoder
from jaxseg.nn.block_config import Style


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
    style: Style = Style(),
    **trunk,
) -> EncoderDecoder:
    """Dilated ResNet, stride 8, with a non-local head (arXiv 1711.07971).

    Args:
      num_classes: K.
      depth: of the ResNet.
      mode, subsample: see `jaxseg.nn.attention.NonLocal`.
      use_scale: scores / sqrt(C / 2), MMSegmentation's default; the paper has none.
      features: channels of the head; the auxiliary head has half as many.
      attention: "auto", "plain" or "block", see `jaxseg.ops.attention.attend`.
      align_corners: corner rule of the final resizing.
      style: normalization, number format.
      **trunk: further fields of `ResNet`, such as `stem`.
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
