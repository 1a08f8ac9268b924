"""DenseASPP (Yang et al., CVPR 2018) on a DenseNet without the last poolings.

The network follows the authors' release, which also defines the widths of the branches.
In the release, the first branch applies an in-place ReLU to the map that all later
branches read. Therefore all branches and the classifier read the map after ReLU.

Differs: scores are resized with half-pixel centers. The release enlarges them by 8 with
`nn.Upsample`. It was written for PyTorch 0.3, where `nn.Upsample` aligns corners; set
`align_corners=True` for this behavior. Since PyTorch 0.4, `nn.Upsample` has half-pixel
centers. The batch norms of the branches have the momentum of `style`. In the release,
it is 0.0003, which is `BlockConfig(momentum=0.9997)`.
"""

from functools import partial

from flax import linen as nn

from jaxseg.backbones.densenet import DenseNet
from jaxseg.heads.dense_aspp import DenseASPPHead
from jaxseg.models.compose import EncoderDecoder
from jaxseg.models.options import split_options
from jaxseg.nn.block_config import BlockConfig

_WIDTHS = {121: (128, 64), 161: (512, 128), 169: (336, 168), 201: (480, 240)}


def denseaspp(
    num_classes: int,
    backbone: nn.Module,
    *,
    rates: tuple[int, ...] = (3, 6, 12, 18, 24),
    widths: tuple[int, int] = _WIDTHS[121],
    align_corners: bool = False,
    style: BlockConfig = BlockConfig(),
) -> EncoderDecoder:
    """Puts DenseASPP on a backbone with c5 (Yang et al., CVPR 2018).

    Args:
      num_classes: Number of classes.
      backbone: Maps an image to a dictionary of feature maps, named after their stages,
        such as "c4" and "c5".
      rates: Atrous rates of the branches.
      widths: Channels of the 1x1 and of the 3x3 convolution of a branch.
      align_corners: Whether the final resizing aligns corners.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """
    reduced, features = widths
    head = DenseASPPHead(
        num_classes, reduced=reduced, features=features, rates=rates, style=style
    )
    return EncoderDecoder(backbone, head, align_corners=align_corners)


def denseaspp_densenet(
    num_classes: int,
    *,
    depth: int = 121,
    output_stride: int = 8,
    widths: tuple[int, int] | None = None,
    activated: bool = True,
    style: BlockConfig = BlockConfig(),
    **options,
) -> EncoderDecoder:
    """Creates DenseASPP on DenseNet-121, 161, 169 or 201 (Yang et al., CVPR 2018).

    Args:
      num_classes: Number of classes.
      depth: Depth of the DenseNet.
      output_stride: 2, 4, 8, 16 or 32.
      widths: Channels of the 1x1 and of the 3x3 convolution of a branch; None takes
        those of the release.
      activated: Whether ReLU is applied to the map that all branches read. False is the
        behavior of the first version of jaxseg, and of the release with
        `inplace=False`.
      style: Settings of normalization and dtype, see `BlockConfig`.
      **options: Options of `DenseNet` (`pooling`, `layers`, `growth` and `first`) and
        of `denseaspp`. `pooling="drop"`, the default, omits the poolings whose stride
        was replaced by an atrous rate.

    Raises:
      ValueError: If the release has no widths for the depth and `widths` is None.
    """
    if widths is None and depth not in _WIDTHS:
        known = ", ".join(map(str, _WIDTHS))
        raise ValueError(
            f"depth={depth} is invalid: expected one of {known}. Pass widths for "
            "another depth."
        )
    trunk, rest = split_options(options, DenseNet)
    backbone = DenseNet(
        depth,
        output_stride,
        relu=activated,
        style=style,
        **{"pooling": "drop", "last_transition": True, **trunk},
    )
    widths = widths or _WIDTHS[depth]
    return denseaspp(num_classes, backbone, widths=widths, style=style, **rest)


denseaspp_densenet121 = partial(denseaspp_densenet, depth=121)
denseaspp_densenet161 = partial(denseaspp_densenet, depth=161)
denseaspp_densenet169 = partial(denseaspp_densenet, depth=169)
denseaspp_densenet201 = partial(denseaspp_densenet, depth=201)
