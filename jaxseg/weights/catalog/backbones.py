"""Lists ImageNet classifiers of torchvision and timm that are imported as backbones.

Networks of MMSegmentation whose head is not supported are listed here too, as
backbones.
"""

from jaxseg.weights.catalog.sources import Lookalike, Source
from jaxseg.weights.translate.model_card import HALF, IMAGENET


def _backbone(name: str, table: str, library: str, has, lacks=(), **more) -> Source:
    """Returns a row of which only the backbone is imported."""
    return Source(name, table, library, has, lacks, part="backbone", **more)


_ANTI_ALIASED = Lookalike(
    r"resnet(?:blur|aa)",
    "an anti-aliased ResNet (timm's resnetblur* and resnetaa*)",
)
_RESNET_NAME = r"resnet(?:18|34|50|101|152)(?!\d)"
_MOBILENET = {
    "options": (("epsilon", 1e-5), ("same_padding", False)),
    "lookalikes": (
        Lookalike(
            r"(?<![a-z])tf_mobilenetv3",
            "TensorFlow's MobileNet v3 (timm's tf_mobilenetv3_*)",
            (("epsilon", 1e-3), ("same_padding", True)),
        ),
    ),
    "named": r"(?<!tf_)mobilenetv3_(?:large|small)",
}
_STEM = "backbone.stem.0.weight"
_POOLED = "backbone.layer1.0.downsample.2.weight"

ROWS: tuple[Source, ...] = (
    _backbone(
        "SE-ResNet",
        "timm_seresnet:BACKBONE",
        "timm",
        ("conv1.weight", "layer1.0.se.fc1.weight", "layer4.0.conv3.weight"),
        example="fcn_seresnet50",
    ),
    _backbone(
        "HRNet",
        "timm_hrnet:BACKBONE+CLASSIFIER",
        "timm",
        ("conv1.weight", "stage4.0.branches.0.0.conv1.weight"),
        example="hrnet_w18",
    ),
    _backbone(
        "ViT or DeiT",
        "timm_vit:BACKBONE",
        "timm",
        ("cls_token", "patch_embed.proj.weight", "blocks.0.attn.qkv.weight"),
        ("dist_token",),
        example="setr_pup_vitb16",
        # DeiT, DINO and MAE were trained with ImageNet's mean and deviation, Google's
        # networks (augreg, orig_in21k) and SAM with values on [-1, 1].
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
        options=(("distilled", True),),
        example="setr_pup_vits16",
    ),
    _backbone(
        "ResNet",
        "torchvision_resnet",
        "torchvision or timm",
        ("conv1.weight", "bn1.weight", "layer1.0.conv1.weight", "layer4.0.bn2.weight"),
        ("layer2.0.downsample.2.weight", "layer1.0.se.fc1.weight"),
        options=(("stem", "7x7"),),
        example="deeplabv3_resnet50",
        lookalikes=(_ANTI_ALIASED,),
        named=_RESNET_NAME,
    ),
    _backbone(
        "ResNet-D",
        "timm_resnet_d",
        "timm",
        ("conv1.0.weight", "conv1.6.weight", "layer2.0.downsample.2.weight"),
        options=(("stem", "d"),),
        example="deeplabv3_resnet50",
        lookalikes=(_ANTI_ALIASED,),
        named=_RESNET_NAME,
    ),
    _backbone(
        "ResNet-C",
        "timm_resnet",
        "timm",
        ("conv1.0.weight", "conv1.6.weight", "layer2.0.downsample.0.weight"),
        options=(("stem", "c"),),
        example="deeplabv3_resnet50",
    ),
    *(
        _backbone(
            f"ResNet-v1{kind}",
            f"{table}:CLASSIFIER",
            "mmsegmentation",
            ("stem.0.weight", "stem.6.weight", f"layer2.0.downsample.{last}.weight"),
            lacks,
            options=(("stem", kind),),
            example="fcn_resnet50",
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
        example="fcn8s_vgg16",
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
            example=f"deeplabv3plus_xception{depth}",
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
        example="fcn32s_alexnet",
    ),
    _backbone(
        "GoogLeNet",
        "torchvision_googlenet",
        "torchvision",
        ("conv1.conv.weight", "inception3a.branch1.conv.weight"),
        example="fcn32s_googlenet",
        normalization=HALF,  # Torchvision's network renormalizes.
    ),
    _backbone(
        "DenseNet",
        "torchvision_densenet",
        "torchvision or timm",
        ("features.conv0.weight", "features.norm5.weight"),
        example="denseaspp_densenet121",
    ),
    _backbone(
        "MobileNet v2",
        "torchvision_mobilenet_v2",
        "torchvision",
        ("features.0.0.weight", "features.1.conv.0.0.weight", "features.18.0.weight"),
        example="deeplabv3plus_mobilenetv2",
    ),
    _backbone(
        "MobileNet v2",
        "timm_mobilenet_v2",
        "timm",
        ("conv_stem.weight", "blocks.1.0.conv_pwl.weight", "blocks.6.0.bn3.weight"),
        ("blocks.1.0.se.conv_reduce.weight", "blocks.6.0.se.conv_reduce.weight"),
        example="deeplabv3plus_mobilenetv2",
    ),
    _backbone(
        "MobileNet v3 large",
        "torchvision_mobilenet_v3:LARGE",
        "torchvision",
        ("features.1.block.0.0.weight", "features.16.0.weight"),
        example="deeplabv3_mobilenetv3",
    ),
    _backbone(
        "MobileNet v3 small",
        "torchvision_mobilenet_v3:SMALL",
        "torchvision",
        ("features.1.block.1.fc1.weight", "features.12.0.weight"),
        example="deeplabv3_mobilenetv3",
    ),
    *(
        _backbone(
            f"MobileNet v3 {size}",
            f"timm_mobilenet_v3:{size.upper()}",
            "timm",
            ("conv_stem.weight", f"blocks.{last}.0.conv.weight", "blocks.0.0.bn2.bias"),
            example="deeplabv3_mobilenetv3",
            **_MOBILENET,
        )
        for size, last in (("large", 6), ("small", 5))
    ),
    *(
        _backbone(
            f"ResNet-{kind} of any network",
            f"{table}+mmseg_parts:HEADS",
            "mmsegmentation",
            (*has, "backbone.layer4.0.conv1.weight"),
            lacks,
            options=options,
            example="fcn_resnet50",
        )
        for kind, table, has, lacks, options in (
            (
                "v1d",
                "mmseg_resnet_d",
                (_STEM, _POOLED),
                (),
                (("stem", "d"), ("dense_pool", "none")),
            ),
            ("v1c", "mmseg_resnet", (_STEM,), (_POOLED,), (("stem", "c"),)),
            (
                "v1b",
                "mmseg_resnet_v1",
                ("backbone.conv1.weight", "decode_head.conv_seg.weight"),
                (),
                (("stem", "7x7"),),
            ),
        )
    ),
    _backbone(
        "HRNet of any network",
        "mmseg_hrnet:TRUNK+mmseg_parts:HEADS",
        "mmsegmentation",
        ("backbone.stage4.0.branches.0.0.conv1.weight", "decode_head.conv_seg.weight"),
        example="hrnet_w18",
    ),
    _backbone(
        "ViT of any network",
        "mmseg_setr:TRUNK+mmseg_parts:HEADS",
        "mmsegmentation",
        ("backbone.layers.0.attn.attn.in_proj_weight", "decode_head.conv_seg.weight"),
        example="setr_pup_vitl16",
    ),
)
