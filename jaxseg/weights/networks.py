"""Whole networks of torchvision and segmentation_models.pytorch."""

from jaxseg.weights.sources import Network, Source

VOC = (
    *("background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car"),
    *("cat", "chair", "cow", "diningtable", "dog", "horse", "motorbike", "person"),
    *("pottedplant", "sheep", "sofa", "train", "tvmonitor"),
)
_TV = "torchvision.models.segmentation."
_EAGER = (
    "segmentation_models_pytorch dilates the first 3x3 of a stage that lost its stride "
    "already; the network here keeps the previous rate there, so logits differ"
)
_SMP_PLUS = (
    ("separable", "plain"),
    ("after_aspp", True),
    ("fuse", 1),
    ("rates", (12, 24, 36)),
    ("align_corners", True),
)
_SMP_PSP = (
    ("stem", "7x7"),
    ("output_stride", 32),
    ("aux", False),
    ("fuse_kernel", 1),
    ("score_kernel", 3),
    ("norm_single", False),
    ("input_first", False),
)

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
            Network(
                f"deeplabv3_resnet{depth}",
                (("rates", (12, 24, 36)), ("align_corners", True)),
            )
            for depth in (50, 101)
        ),
        caution=_EAGER,
    ),
    Source(
        "DeepLabV3Plus",
        "smp_deeplab:MAP_V3PLUS",
        "segmentation_models_pytorch",
        ("encoder.layer4.0.conv1.weight", "decoder.aspp.0.convs.0.0.weight"),
        networks=tuple(
            Network(f"deeplabv3plus_resnet{depth}", _SMP_PLUS) for depth in (50, 101)
        ),
        caution=_EAGER,
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
            ),
        ),
        caution=_EAGER,
    ),
    Source(
        "PSPNet with encoder_depth=5",
        "smp_pspnet",
        "segmentation_models_pytorch",
        ("encoder.layer4.0.conv1.weight", "decoder.psp.blocks.0.pool.1.0.weight"),
        networks=tuple(
            Network(f"pspnet_resnet{depth}", _SMP_PSP) for depth in (50, 101)
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
        networks=(
            Network("unet_resnet18"),
            Network("unet_resnet34"),
            Network("unet_resnet50"),
        ),
    ),
)
