"""ImageNet classifiers of torchvision and timm, imported as backbones."""

from jaxseg.weights.catalog.sources import Source
from jaxseg.weights.translate.model_card import HALF, IMAGENET


def _backbone(name: str, table: str, library: str, has, lacks=(), **more) -> Source:
    """A row whose trunk alone is imported."""
    return Source(name, table, library, has, lacks, part="backbone", **more)


_STEM = "backbone.stem.0.weight"
_POOLED = "backbone.layer1.0.downsample.2.weight"

ROWS: tuple[Source, ...] = (
    _backbone(
        "SE-ResNet",
        "timm_seresnet:BACKBONE",
        "timm",
        ("conv1.weight", "layer1.0.se.fc1.weight", "layer4.0.conv3.weight"),
    ),
    _backbone(
        "HRNet",
        "timm_hrnet:BACKBONE+CLASSIFIER",
        "timm",
        ("conv1.weight", "stage4.0.branches.0.0.conv1.weight"),
    ),
    _backbone(
        "ViT or DeiT",
        "timm_vit:BACKBONE",
        "timm",
        ("cls_token", "patch_embed.proj.weight", "blocks.0.attn.qkv.weight"),
        ("dist_token",),
        # timm's names: DeiT, DINO and MAE saw ImageNet's mean and deviation, Google's
        # networks (augreg, orig_in21k) and SAM's values in -1..1
        hints=(
            *((word, IMAGENET) for word in ("deit", "dino", "mae")),
            *((word, HALF) for word in ("augreg", "orig_in21k", ".sam_")),
        ),
    ),
    _backbone(
        "distilled DeiT",
        "timm_vit:BACKBONE",
        "timm",
        ("cls_token", "dist_token", "blocks.0.attn.qkv.weight"),
        caution="the network needs the option distilled=True",
    ),
    _backbone(
        "ResNet",
        "torchvision_resnet",
        "torchvision or timm",
        ("conv1.weight", "bn1.weight", "layer1.0.conv1.weight", "layer4.0.bn2.weight"),
        ("layer2.0.downsample.2.weight", "layer1.0.se.fc1.weight"),
    ),
    _backbone(
        "ResNet-D",
        "timm_resnet_d",
        "timm",
        ("conv1.0.weight", "conv1.6.weight", "layer2.0.downsample.2.weight"),
    ),
    _backbone(
        "ResNet-C",
        "timm_resnet",
        "timm",
        ("conv1.0.weight", "conv1.6.weight", "layer2.0.downsample.0.weight"),
    ),
    *(
        _backbone(
            f"ResNet-v1{kind}",
            f"{table}:CLASSIFIER",
            "mmsegmentation",
            ("stem.0.weight", "stem.6.weight", f"layer2.0.downsample.{last}.weight"),
            lacks,
        )
        for kind, table, last, lacks in (
            ("c", "mmseg_resnet", 0, ("layer2.0.downsample.2.weight",)),
            ("d", "mmseg_resnet_d", 2, ()),
        )
    ),
    _backbone(
        "VGG-19 with batch norm",
        "torchvision_vgg:VGG19_BN",
        "torchvision or timm",
        ("features.1.running_mean", "features.49.weight"),
    ),
    _backbone(
        "VGG-16 with batch norm",
        "torchvision_vgg:VGG16_BN",
        "torchvision or timm",
        ("features.1.running_mean", "features.40.weight"),
    ),
    _backbone(
        "VGG-19",
        "torchvision_vgg:VGG19",
        "torchvision or timm",
        ("features.0.weight", "features.34.weight"),
        ("features.1.running_mean",),
    ),
    _backbone(
        "VGG-16",
        "torchvision_vgg:VGG16",
        "torchvision or timm",
        ("features.0.weight", "features.28.weight"),
        ("features.1.running_mean", "features.30.weight", "features.34.weight"),
    ),
    *(
        _backbone(
            f"Xception-{depth}",
            f"timm_xception:MAP_{depth}",
            "timm",
            (
                f"blocks.{last}.stack.conv1.conv_dw.weight",
                "blocks.0.shortcut.conv.weight",
            ),
            (f"blocks.{last + 1}.stack.conv1.conv_dw.weight",),
            normalization=HALF,
        )
        for depth, last in ((41, 12), (65, 20), (71, 22))
    ),
    _backbone(
        "AlexNet",
        "torchvision_alexnet",
        "torchvision",
        ("features.0.weight", "features.3.weight", "features.10.weight"),
        ("features.1.running_mean", "features.5.weight"),
    ),
    _backbone(
        "GoogLeNet",
        "torchvision_googlenet",
        "torchvision",
        ("conv1.conv.weight", "inception3a.branch1.conv.weight"),
        normalization=HALF,  # torchvision's network renormalizes inside
    ),
    _backbone(
        "DenseNet",
        "torchvision_densenet",
        "torchvision or timm",
        ("features.conv0.weight", "features.norm5.weight"),
    ),
    _backbone(
        "MobileNet v2",
        "torchvision_mobilenet_v2",
        "torchvision",
        ("features.0.0.weight", "features.1.conv.0.0.weight", "features.18.0.weight"),
    ),
    _backbone(
        "MobileNet v2",
        "timm_mobilenet_v2",
        "timm",
        ("conv_stem.weight", "blocks.1.0.conv_pwl.weight", "blocks.6.0.bn3.weight"),
        ("blocks.1.0.se.conv_reduce.weight", "blocks.6.0.se.conv_reduce.weight"),
    ),
    _backbone(
        "MobileNet v3 large",
        "torchvision_mobilenet_v3:LARGE",
        "torchvision",
        ("features.1.block.0.0.weight", "features.16.0.weight"),
    ),
    _backbone(
        "MobileNet v3 small",
        "torchvision_mobilenet_v3:SMALL",
        "torchvision",
        ("features.1.block.1.fc1.weight", "features.12.0.weight"),
    ),
    *(
        _backbone(
            f"MobileNet v3 {size}",
            f"timm_mobilenet_v3:{size.upper()}",
            "timm",
            ("conv_stem.weight", f"blocks.{last}.0.conv.weight", "blocks.0.0.bn2.bias"),
            caution="timm's normalizations have epsilon 1e-5, MobileNetV3 here 1e-3: "
            "give the model the option epsilon=1e-5",
        )
        for size, last in (("large", 6), ("small", 5))
    ),
    *(
        _backbone(
            f"ResNet-{kind} of any network",
            f"{table}+mmseg_parts:HEADS",
            "mmsegmentation",
            (*has, "backbone.layer4.0.conv1.weight", "decode_head.conv_seg.weight"),
            lacks,
        )
        for kind, table, has, lacks in (
            ("v1d", "mmseg_resnet_d", (_STEM, _POOLED), ()),
            ("v1c", "mmseg_resnet", (_STEM,), (_POOLED,)),
            ("v1b", "mmseg_resnet_v1", ("backbone.conv1.weight",), ()),
        )
    ),
    _backbone(
        "HRNet of any network",
        "mmseg_hrnet:TRUNK+mmseg_parts:HEADS",
        "mmsegmentation",
        ("backbone.stage4.0.branches.0.0.conv1.weight", "decode_head.conv_seg.weight"),
    ),
    _backbone(
        "ViT of any network",
        "mmseg_setr:TRUNK+mmseg_parts:HEADS",
        "mmsegmentation",
        ("backbone.layers.0.attn.attn.in_proj_weight", "decode_head.conv_seg.weight"),
    ),
)
