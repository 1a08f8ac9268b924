"""Lists networks of torchvision, segmentation_models.pytorch and milesial's U-Net."""

from jaxseg.weights.catalog.sources import Network, Source
from jaxseg.weights.translate.model_card import UNIT

VOC = (
    *("background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car"),
    *("cat", "chair", "cow", "diningtable", "dog", "horse", "motorbike", "person"),
    *("pottedplant", "sheep", "sofa", "train", "tvmonitor"),
)
_TV = "torchvision.models.segmentation."
_DEPTHS = (50, 101, 18, 34, 152)
_NAMED = {"unet": (18, 34, 50)}  # Depths with their own names; otherwise 50 and 101.
_SMP = "segmentation_models_pytorch."
_SMP_ASPP = (("eager_rate", True), ("rates", (12, 24, 36)), ("align_corners", True))
_SMP_PLUS = (
    *_SMP_ASPP,
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


def _resnet(family: str, depth: int, factory: str, options, **peer) -> Network:
    """Returns a network of segmentation_models.pytorch.

    In this library the depths 50 and 101 have their own names.
    """
    named = depth in _NAMED.get(family, (50, 101))
    return Network(
        f"{family}_resnet{depth if named else 50}",
        options if named else (("depth", depth), *options),
        _SMP + factory,
        peer=(("encoder_name", f"resnet{depth}"), *peer.items()),
        unseen=_UNSEEN.get(family, ()),
    )


def _pspnets(depth: int, *, shallow: bool) -> Network:
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
    return _resnet("pspnet", depth, "PSPNet", options, **peer)


ROWS: tuple[Source, ...] = (
    Source(
        "FCN",
        "torchvision_fcn",
        "torchvision",
        (
            "backbone.layer4.0.conv1.weight",
            "classifier.0.weight",
            "classifier.4.weight",
        ),
        networks=(
            Network("fcn_resnet50", factory=_TV + "fcn_resnet50"),
            Network("fcn_resnet101", factory=_TV + "fcn_resnet101"),
        ),
        classes=VOC,
    ),
    Source(
        "DeepLabV3",
        "torchvision_deeplabv3",
        "torchvision",
        ("backbone.layer4.0.conv1.weight", "classifier.0.convs.0.0.weight"),
        networks=tuple(
            Network(name, factory=_TV + name, aux="aux_classifier.")
            for name in ("deeplabv3_resnet50", "deeplabv3_resnet101")
        ),
        classes=VOC,
    ),
    Source(
        "DeepLabV3 on MobileNet v3",
        "torchvision_deeplabv3:MAP_MOBILENET",
        "torchvision",
        ("backbone.0.0.weight", "classifier.0.convs.0.0.weight"),
        networks=(
            Network(
                "deeplabv3_mobilenetv3",
                (("eager_rate", True), ("rates", (12, 24, 36))),
                _TV + "deeplabv3_mobilenet_v3_large",
                "aux_classifier.",
            ),
        ),
        classes=VOC,
    ),
    Source(
        "LR-ASPP on MobileNet v3",
        "torchvision_lraspp",
        "torchvision",
        ("backbone.0.0.weight", "classifier.cbr.0.weight"),
        networks=(
            Network(
                "lraspp_mobilenetv3",
                (("eager_rate", True),),
                _TV + "lraspp_mobilenet_v3_large",
            ),
        ),
        classes=VOC,
    ),
    Source(
        "DeepLabV3",
        "smp_deeplab:MAP_V3",
        "segmentation_models_pytorch",
        ("encoder.layer4.0.conv1.weight", "decoder.aspp.convs.0.0.weight"),
        networks=tuple(
            _resnet("deeplabv3", depth, "DeepLabV3", _SMP_ASPP) for depth in _DEPTHS
        ),
    ),
    Source(
        "DeepLabV3Plus",
        "smp_deeplab:MAP_V3PLUS",
        "segmentation_models_pytorch",
        ("encoder.layer4.0.conv1.weight", "decoder.aspp.0.convs.0.0.weight"),
        networks=tuple(
            _resnet("deeplabv3plus", depth, "DeepLabV3Plus", _SMP_PLUS)
            for depth in _DEPTHS
        ),
    ),
    Source(
        "DeepLabV3Plus on MobileNet v2",
        "smp_deeplab:MAP_V3PLUS_MOBILENET",
        "segmentation_models_pytorch",
        ("encoder.features.18.0.weight", "decoder.aspp.0.convs.0.0.weight"),
        networks=(
            Network(
                "deeplabv3plus_mobilenetv2",
                (*_SMP_PLUS, ("tap", "output"), ("last", 1280)),
                _SMP + "DeepLabV3Plus",
                peer=(("encoder_name", "mobilenet_v2"),),
                unseen=_PLUS_UNSEEN,
            ),
        ),
    ),
    Source(
        "PSPNet",
        "smp_pspnet",
        "segmentation_models_pytorch",
        ("encoder.layer4.0.conv1.weight", "decoder.psp.blocks.0.pool.1.0.weight"),
        networks=tuple(
            _pspnets(depth, shallow=shallow)
            for depth in _DEPTHS
            for shallow in (True, False)
        ),
    ),
    Source(
        "Unet on ResNet",
        "smp_unet",
        "segmentation_models_pytorch",
        (
            "encoder.layer4.0.conv1.weight",
            "decoder.blocks.4.conv2.0.weight",
            "segmentation_head.0.weight",
        ),
        networks=tuple(
            _resnet("unet", depth, "Unet", ()) for depth in (18, 34, 50, 101, 152)
        ),
        assumed="decoder_interpolation='nearest', the only one that is supported",
    ),
    Source(
        "U-Net",
        "milesial_unet",
        "milesial/Pytorch-UNet",
        ("inc.double_conv.0.weight", "up1.up.weight", "outc.conv.weight"),
        networks=(Network("unet"),),
        normalization=UNIT,
    ),
    Source(
        "U-Net, bilinear",
        "milesial_unet",
        "milesial/Pytorch-UNet",
        ("inc.double_conv.0.weight", "outc.conv.weight"),
        ("up1.up.weight",),
        networks=(Network("unet", (("up", "bilinear"),)),),
        normalization=UNIT,
    ),
)
