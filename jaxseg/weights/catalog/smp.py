"""Lists the networks of segmentation_models.pytorch, and builds them."""

import importlib
from collections.abc import Mapping
from typing import Any

from jaxseg.weights.catalog.maps import (
    smp_deeplab,
    smp_fpn,
    smp_pspnet,
    smp_segformer,
    smp_unet,
    smp_upernet,
)
from jaxseg.weights.catalog.smp_options import (
    presence_options,
    pspnet_options,
    unet_options,
)
from jaxseg.weights.catalog.sources import (
    Peer,
    Source,
    SourceNetwork,
    backbone_row,
)
from jaxseg.weights.translate.rules import prefixed

_DEPTHS = (50, 101, 18, 34, 152)
# Depths with their own names; otherwise 50 and 101.
_NAMED = {"unet": (18, 34, 50), "unetplusplus": (34,)}
_ASPP = (("eager_rate", True), ("rates", (12, 24, 36)), ("align_corners", True))
_PLUS = (
    *_ASPP,
    ("separable", "plain"),
    ("after_aspp", True),
    ("fuse", 1),
    ("dropout", 0.5),
)
_PLUS_UNSEEN = (("output_stride", 16), ("rates", (12, 24, 36)))
_UNSEEN = {
    "deeplabv3": (("output_stride", 8), ("rates", (12, 24, 36))),
    "deeplabv3plus": _PLUS_UNSEEN,
}


_SHOWN = {
    "unet": unet_options,
    "unetplusplus": unet_options,
    "pspnet": pspnet_options,
    "deeplabv3plus": presence_options,
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
        shown=_SHOWN.get(family),
    )


def _pspnets(depth: int, *, shallow: bool) -> SourceNetwork:
    """Returns a PSPNet of segmentation_models.pytorch, on c3 (its default) or c5."""
    wide = 2048 if depth > 34 else 512
    features = (wide // 4 if shallow else wide) // 4
    options = (
        ("stem", "7x7"),
        ("output_stride", 32),
        ("aux", False),
        ("fuse_kernel", 1),
        ("score_kernel", 3),
        ("norm_single", False),
        ("input_first", False),
        ("features", features),
        ("fuse_features", 512),
        ("tap", "c3" if shallow else "c5"),
        ("dropout", 0.2),
    )
    level = 3 if shallow else 5
    peer = {"encoder_depth": level, "upsampling": 2**level}
    return _resnet("pspnet", depth=depth, factory="PSPNet", options=options, **peer)


_ARGUMENTS = {"output_stride": "encoder_output_stride", "rates": "decoder_atrous_rates"}


def build(
    network: SourceNetwork,
    options: Mapping[str, Any],
    keys: set[str],
    *,
    num_classes: int,
    channels: int,
) -> Any:
    """Returns a network of segmentation_models.pytorch with new random weights.

    Options that cannot be inferred from the tensors are taken from `options`. Nothing
    is downloaded. `jaxseg.weights.catalog.sources.Peer.build` describes the arguments.
    """
    module = importlib.import_module("segmentation_models_pytorch")
    unseen = dict(network.unseen)
    stated = {k: v for k, v in options.items() if k in _ARGUMENTS and k in unseen}
    arguments = {
        "encoder_weights": None,
        "classes": num_classes,
        **dict(network.peer),
        "in_channels": channels,
        **{_ARGUMENTS[name]: value for name, value in stated.items()},
    }
    return getattr(module, network.factory)(**arguments)


def _segformers(size: str) -> tuple[SourceNetwork, ...]:
    """Returns Segformer with 256 channels in the decoder (its default) or with 768."""
    return tuple(
        SourceNetwork(
            f"segformer_{size}",
            (("align_corners", True), ("features", features)),
            "Segformer",
            peer=(
                ("encoder_name", f"mit_{size}"),
                ("decoder_segmentation_channels", features),
            ),
        )
        for features in (256, 768)
    )


PEER = Peer("segmentation_models_pytorch", build)
NETWORKS: tuple[Source, ...] = (
    Source(
        "DeepLabV3",
        rules=smp_deeplab.MAP_V3,
        library="segmentation_models_pytorch",
        has=("encoder.layer4.0.conv1.weight", "decoder.aspp.convs.0.0.weight"),
        networks=tuple(
            _resnet("deeplabv3", depth=depth, factory="DeepLabV3", options=_ASPP)
            for depth in _DEPTHS
        ),
        peer=PEER,
    ),
    Source(
        "DeepLabV3Plus with dense ASPP",
        rules=smp_deeplab.MAP_V3PLUS_DENSE,
        library="segmentation_models_pytorch",
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
        peer=PEER,
    ),
    Source(
        "DeepLabV3Plus",
        rules=smp_deeplab.MAP_V3PLUS,
        library="segmentation_models_pytorch",
        has=("encoder.layer4.0.conv1.weight", "decoder.aspp.0.convs.0.0.weight"),
        networks=tuple(
            _resnet(
                "deeplabv3plus", depth=depth, factory="DeepLabV3Plus", options=_PLUS
            )
            for depth in _DEPTHS
        ),
        peer=PEER,
    ),
    Source(
        "DeepLabV3Plus on MobileNet v2",
        rules=smp_deeplab.MAP_V3PLUS_MOBILENET,
        library="segmentation_models_pytorch",
        has=("encoder.features.18.0.weight", "decoder.aspp.0.convs.0.0.weight"),
        networks=(
            SourceNetwork(
                "deeplabv3plus_mobilenetv2",
                (*_PLUS, ("tap", "output"), ("last", 1280)),
                "DeepLabV3Plus",
                peer=(("encoder_name", "mobilenet_v2"),),
                unseen=_PLUS_UNSEEN,
            ),
        ),
        peer=PEER,
    ),
    Source(
        "PSPNet",
        rules=smp_pspnet.MAP,
        library="segmentation_models_pytorch",
        has=("encoder.layer4.0.conv1.weight", "decoder.psp.blocks.0.pool.1.0.weight"),
        networks=tuple(
            _pspnets(depth, shallow=shallow)
            for depth in _DEPTHS
            for shallow in (True, False)
        ),
        peer=PEER,
    ),
    Source(
        "Unet on ResNet",
        rules=smp_unet.MAP,
        library="segmentation_models_pytorch",
        has=(
            "encoder.layer4.0.conv1.weight",
            "decoder.blocks.2.conv2.0.weight",
            "segmentation_head.0.weight",
        ),
        networks=tuple(
            _resnet("unet", depth=depth, factory="Unet", options=())
            for depth in (18, 34, 50, 101, 152)
        ),
        assumed="decoder_interpolation='nearest', the only one that is supported",
        peer=PEER,
    ),
    Source(
        "UnetPlusPlus on ResNet",
        rules=smp_unet.MAP_PLUS_PLUS,
        library="segmentation_models_pytorch",
        has=(
            "encoder.layer4.0.conv1.weight",
            "decoder.blocks.x_0_0.conv2.0.weight",
            "segmentation_head.0.weight",
        ),
        networks=tuple(
            _resnet("unetplusplus", depth=depth, factory="UnetPlusPlus", options=())
            for depth in (34, 18, 50, 101, 152)
        ),
        assumed="decoder_interpolation='nearest', the only one that is supported",
        peer=PEER,
    ),
    Source(
        "FPN",
        rules=smp_fpn.MAP,
        library="segmentation_models_pytorch",
        has=("encoder.layer4.0.conv1.weight", "decoder.p5.weight"),
        networks=tuple(
            _resnet(
                "semantic_fpn",
                depth=depth,
                factory="FPN",
                options=(("variant", "smp"),),
            )
            for depth in _DEPTHS
        ),
        assumed="decoder_merge_policy='add', the only one that is supported",
        peer=PEER,
    ),
    Source(
        "UPerNet",
        rules=smp_upernet.MAP,
        library="segmentation_models_pytorch",
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
        peer=PEER,
    ),
    Source(
        "Segformer",
        rules=smp_segformer.MAP,
        library="segmentation_models_pytorch",
        has=(
            "encoder.block1.0.attn.sr.weight",
            "decoder.mlp_stage.3.linear.weight",
        ),
        networks=tuple(
            network
            for size in ("b0", "b1", "b2", "b3", "b4", "b5")
            for network in _segformers(size)
        ),
        peer=PEER,
    ),
)

BACKBONES: tuple[Source, ...] = (
    backbone_row(
        "Mix Transformer of the authors",
        rules=prefixed(smp_segformer.BACKBONE, dst="backbone/"),
        library="segmentation_models_pytorch",
        has=("patch_embed1.proj.weight", "block1.0.attn.sr.weight", "norm4.weight"),
        example="segformer_b0",
    ),
)
