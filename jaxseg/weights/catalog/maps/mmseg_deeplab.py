"""Imports PSPNet, DeepLab v3, v3+ and FastFCN of MMSegmentation on ResNet v1c.

Create all networks of jaxseg with `stem="c"` and `align_corners=False`. These are the
networks and their other options:

- PSPNet: `pspnet_resnet50`.
- DeepLab v3: `deeplabv3_resnet50` with `refine=False, features=512, project_kernel=3,
  pool_first=True, aux=True`.
- DeepLab v3+: `deeplabv3plus_resnet50` with `features=512, separable="full",
  project_kernel=3, pool_first=True`. As in the ASPP, its fusing convolutions have 512
  channels.
- FastFCN: `JPU(order=("c3", "c4", "c5"))`, followed by the head of PSPNet, DeepLab v3
  or EncNet.
"""

from jaxseg.weights.catalog.maps import mmseg_resnet
from jaxseg.weights.translate.rules import Rules, conv, conv_norm, linear_as_conv, norm


def module(src: str, dst: str) -> Rules:
    """Returns the rules that import a `ConvModule`, a convolution with batch norm."""
    return conv_norm(rf"{src}\.conv", rf"{src}\.bn", dst)


def separable(src: str, dst: str) -> Rules:
    """Returns the rules that import MMSegmentation's `DepthwiseSeparableConvModule`.

    This module has two normalizations, one after each of its two convolutions.
    """
    return (
        *conv(rf"{src}\.depthwise_conv\.conv", f"{dst}/depthwise"),
        *norm(rf"{src}\.depthwise_conv\.bn", f"{dst}/depthwise_norm"),
        *conv(rf"{src}\.pointwise_conv\.conv", f"{dst}/pointwise"),
        *norm(rf"{src}\.pointwise_conv\.bn", f"{dst}/pointwise_norm"),
    )


def _aspp(dst: str) -> Rules:
    branches = r"decode_head\.aspp_modules\."
    return (
        *module(branches + "0", f"{dst}/branch0"),
        *module(branches + r"(\d)", rf"{dst}/branch\1/dense"),
        *separable(branches + r"(\d)", rf"{dst}/branch\1/separable"),
        *module(r"decode_head\.image_pool\.1", f"{dst}/pool/conv"),
        *module(r"decode_head\.bottleneck", f"{dst}/project"),
    )


def _psp(dst: str) -> Rules:
    return (
        *(
            rule
            for i, bins in enumerate((1, 2, 3, 6))
            for rule in module(
                rf"decode_head\.psp_modules\.{i}\.1", f"{dst}/pyramid/bin{bins}"
            )
        ),
        *module(r"decode_head\.bottleneck", f"{dst}/fuse"),
        *conv(r"decode_head\.conv_seg", f"{dst}/score"),
    )


_AUX = (
    *module(r"auxiliary_head\.convs\.0", "aux_head/conv"),
    *conv(r"auxiliary_head\.conv_seg", "aux_head/classifier"),
)
_SCORE = r"decode_head\.conv_seg"
_JPU = (
    *(
        rule
        for i, tap in enumerate(("c3", "c4", "c5"))
        for rule in module(rf"neck\.conv_layers\.{i}\.0", f"head/jpu/lateral_{tap}")
    ),
    *separable(r"neck\.dilation_layers\.(\d)\.0", r"head/jpu/branch\1"),
)
_ENCODE = r"decode_head\.enc_module\."
_ENC = (
    *module(r"decode_head\.bottleneck", "head/head/reduce"),
    *module(_ENCODE + "encoding_project", "head/head/embed"),
    (
        _ENCODE + r"encoding\.0\.codewords",
        "params/head/head/encoding/codewords",
        "identity",
    ),
    (_ENCODE + r"encoding\.0\.scale", "params/head/head/encoding/smoothing"),
    *norm(_ENCODE + r"encoding\.1", "head/head/encoding_norm"),
    *linear_as_conv(_ENCODE + r"fc\.0", "head/head/gate"),
    *conv(_SCORE, "head/head/score"),
    (r"decode_head\.se_layer\.(weight|bias)", None),
)
MAP_PSPNET = (*mmseg_resnet.MAP, *_AUX, *_psp("head"))
MAP_V3 = (*mmseg_resnet.MAP, *_AUX, *_aspp("head/aspp"), *conv(_SCORE, "head/score"))
MAP_V3PLUS = (
    *mmseg_resnet.MAP,
    *_AUX,
    *_aspp("head/aspp"),
    *module(r"decode_head\.c1_bottleneck", "head/low"),
    *separable(r"decode_head\.sep_bottleneck\.(\d)", r"head/fuse\1/separable"),
    *conv(_SCORE, "head/score"),
)
MAP_FASTFCN_PSP = (*mmseg_resnet.MAP, *_AUX, *_JPU, *_psp("head/head"))
MAP_FASTFCN_ASPP = (
    *mmseg_resnet.MAP,
    *_AUX,
    *_JPU,
    *_aspp("head/head/aspp"),
    *conv(_SCORE, "head/head/score"),
)
MAP_FASTFCN_ENC = (*mmseg_resnet.MAP, *_AUX, *_JPU, *_ENC)
