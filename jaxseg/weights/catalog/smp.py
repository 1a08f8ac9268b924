"""Lists the networks of segmentation_models.pytorch."""

from functools import partial

from jaxseg.weights.catalog import smp_efficientnet, smp_transformers
from jaxseg.weights.catalog.maps import (
    smp_deeplab,
    smp_fpn,
    smp_pspnet,
    smp_unet,
    smp_upernet,
)
from jaxseg.weights.catalog.smp_options import (
    ASPP,
    NEAREST,
    PLUS,
    PLUS_UNSEEN,
    PRESENCE_UNSEEN,
    RESNET_STAGES,
    aspp_options,
    fpn_options,
    pspnet_options,
    unet_options,
    width_option,
)
from jaxseg.weights.catalog.smp_peer import network_row
from jaxseg.weights.catalog.sources import Source, SourceNetwork

_DEPTHS = (50, 101, 18, 34, 152)
# Depths with their own names; otherwise 50 and 101.
_NAMED = {"unet": (18, 34, 50), "unetplusplus": (34,)}
_EAGER = ("eager_rate", True)
_V3, _PLUS = (_EAGER, *ASPP, ("dropout", 0.5)), (_EAGER, *PLUS)
_UNSEEN = {
    "deeplabv3": (("output_stride", 8), ("rates", (12, 24, 36))),
    "deeplabv3plus": PLUS_UNSEEN,
}
_SHOWN = {
    "unet": unet_options,
    "unetplusplus": unet_options,
    "pspnet": pspnet_options,
    "deeplabv3": aspp_options,
    "deeplabv3plus": partial(aspp_options, stages=RESNET_STAGES),
    "semantic_fpn": fpn_options,
    "upernet": partial(width_option, "decoder.fusion_block.0.weight"),
}


def _resnet(family: str, depth: int, factory: str, options, **peer) -> SourceNetwork:
    """Returns a network of segmentation_models.pytorch.

    In jaxseg the depths 50 and 101 have their own names.
    """
    named = _NAMED.get(family, (50, 101))
    own = depth if depth in named else 50 if 50 in named else named[0]
    return SourceNetwork(
        f"{family}_resnet{own}",
        options if own == depth else (("depth", depth), *options),
        factory,
        peer=(("encoder_name", f"resnet{depth}"), *peer.items()),
        unseen=_UNSEEN.get(family, ()),
        unseen_with=PRESENCE_UNSEEN,
        shown=_SHOWN.get(family),
    )


def _pspnet(depth: int) -> SourceNetwork:
    """Returns a PSPNet of segmentation_models.pytorch, by default on c3."""
    options = (
        ("stem", "7x7"),
        ("output_stride", 32),
        ("aux", False),
        ("fuse_kernel", 1),
        ("score_kernel", 3),
        ("norm_single", False),
        ("input_first", False),
        ("features", (512 if depth > 34 else 128) // 4),
        ("fuse_features", 512),
        ("tap", "c3"),
        ("dropout", 0.2),
    )
    return _resnet("pspnet", depth=depth, factory="PSPNet", options=options)


NETWORKS: tuple[Source, ...] = (
    network_row(
        "DeepLabV3",
        rules=smp_deeplab.MAP_V3,
        has=("encoder.layer4.0.conv1.weight", "decoder.aspp.convs.0.0.weight"),
        networks=tuple(
            _resnet("deeplabv3", depth=depth, factory="DeepLabV3", options=_V3)
            for depth in _DEPTHS
        ),
    ),
    network_row(
        "DeepLabV3Plus with dense ASPP",
        rules=smp_deeplab.MAP_V3PLUS_DENSE,
        has=("encoder.layer4.0.conv1.weight", "decoder.aspp.0.convs.1.0.weight"),
        networks=tuple(
            _resnet(
                "deeplabv3plus",
                depth=depth,
                factory="DeepLabV3Plus",
                options=(*_PLUS, ("separable_aspp", "none")),
                decoder_aspp_separable=False,
            )
            for depth in _DEPTHS
        ),
    ),
    network_row(
        "DeepLabV3Plus",
        rules=smp_deeplab.MAP_V3PLUS,
        has=("encoder.layer4.0.conv1.weight", "decoder.aspp.0.convs.0.0.weight"),
        networks=tuple(
            _resnet(
                "deeplabv3plus", depth=depth, factory="DeepLabV3Plus", options=_PLUS
            )
            for depth in _DEPTHS
        ),
    ),
    network_row(
        "DeepLabV3Plus on MobileNet v2",
        rules=smp_deeplab.MAP_V3PLUS_MOBILENET,
        has=("encoder.features.18.0.weight", "decoder.aspp.0.convs.0.0.weight"),
        networks=(
            SourceNetwork(
                "deeplabv3plus_mobilenetv2",
                (*_PLUS, ("tap", "output"), ("last", 1280)),
                "DeepLabV3Plus",
                peer=(("encoder_name", "mobilenet_v2"),),
                unseen=PLUS_UNSEEN,
                unseen_with=PRESENCE_UNSEEN,
                shown=aspp_options,
            ),
        ),
    ),
    network_row(
        "PSPNet",
        rules=smp_pspnet.MAP,
        has=("encoder.layer4.0.conv1.weight", "decoder.psp.blocks.0.pool.1.0.weight"),
        networks=tuple(_pspnet(depth) for depth in _DEPTHS),
    ),
    network_row(
        "Unet on ResNet",
        rules=smp_unet.MAP,
        has=(
            "encoder.layer4.0.conv1.weight",
            "decoder.blocks.2.conv2.0.weight",
            "segmentation_head.0.weight",
        ),
        networks=tuple(
            _resnet("unet", depth=depth, factory="Unet", options=())
            for depth in (18, 34, 50, 101, 152)
        ),
        assumed=NEAREST,
    ),
    network_row(
        "UnetPlusPlus on ResNet",
        rules=smp_unet.MAP_PLUS_PLUS,
        has=(
            "encoder.layer4.0.conv1.weight",
            "decoder.blocks.x_0_0.conv2.0.weight",
            "segmentation_head.0.weight",
        ),
        networks=tuple(
            _resnet("unetplusplus", depth=depth, factory="UnetPlusPlus", options=())
            for depth in (34, 18, 50, 101, 152)
        ),
        assumed=NEAREST,
    ),
    network_row(
        "FPN",
        rules=smp_fpn.MAP,
        has=("encoder.layer4.0.conv1.weight", "decoder.p5.weight"),
        networks=tuple(
            _resnet(
                "semantic_fpn",
                depth=depth,
                factory="FPN",
                options=(("variant", "smp"), ("dropout", 0.2)),
            )
            for depth in _DEPTHS
        ),
        assumed=NEAREST,
    ),
    network_row(
        "UPerNet",
        rules=smp_upernet.MAP,
        has=("encoder.layer4.0.conv1.weight", "decoder.feature_norms.0.weight"),
        networks=tuple(
            _resnet(
                "upernet",
                depth=depth,
                factory="UPerNet",
                options=(("variant", "smp"),),
            )
            for depth in _DEPTHS
        ),
    ),
    *smp_transformers.NETWORKS,
    *smp_efficientnet.NETWORKS,
)

BACKBONES = smp_transformers.BACKBONES
