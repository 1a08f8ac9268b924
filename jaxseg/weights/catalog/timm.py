"""Lists the ImageNet classifiers of timm that are imported as backbones."""

from jaxseg.weights.catalog.lookalikes import Lookalike
from jaxseg.weights.catalog.maps import (
    dinov2,
    dinov3,
    timm_convnext,
    timm_hrnet,
    timm_mobilenet_v2,
    timm_mobilenet_v3,
    timm_resnet,
    timm_resnet_d,
    timm_seresnet,
    timm_swin,
    timm_vit,
    timm_xception,
)
from jaxseg.weights.catalog.sources import Source, backbone_row
from jaxseg.weights.translate.model_card import HALF, IMAGENET, Normalization
from jaxseg.weights.translate.rules import prefixed

ANTI_ALIASED = Lookalike(
    r"resnet(?:blur|aa)",
    "an anti-aliased ResNet (timm's resnetblur* and resnetaa*)",
)
RESNET_NAME = r"resnet(?:18|34|50|101|152)(?!\d)"
_SWIN = "layers.0.blocks.0.attn.relative_position_bias_table"
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

# timm resizes the position embedding with antialiasing.
_RESIZING = ("resizing", "bicubic_antialias")
_META = "facebookresearch/dinov2"
_REGISTERS = "register_tokens"
# The authors store a mask token, timm does not.
_DINOV2 = (
    (
        *("", "timm", dinov2.TIMM, (), ("mask_token", "reg_token", _REGISTERS)),
        (_RESIZING,),
    ),
    (
        *(" with registers", "timm", dinov2.TIMM),
        *(("reg_token",), (), (("class_position", False), _RESIZING)),
    ),
    ("", _META, dinov2.AUTHORS, ("mask_token",), (_REGISTERS,), ()),
    (" with registers", _META, dinov2.AUTHORS, (_REGISTERS,), (), ()),
)
# The networks that were trained on satellite images (sat493m) have these values.
_SATELLITE = Normalization((0.430, 0.411, 0.296), (0.213, 0.156, 0.143))

BACKBONES: tuple[Source, ...] = (
    backbone_row(
        "SE-ResNet",
        rules=prefixed(timm_seresnet.BACKBONE, dst="backbone/"),
        library="timm",
        has=("conv1.weight", "layer1.0.se.fc1.weight", "layer4.0.conv3.weight"),
        example="fcn_seresnet50",
    ),
    backbone_row(
        "HRNet",
        rules=prefixed((*timm_hrnet.BACKBONE, *timm_hrnet.CLASSIFIER), dst="backbone/"),
        library="timm",
        has=("conv1.weight", "stage4.0.branches.0.0.conv1.weight"),
        example="hrnet_w18",
    ),
    backbone_row(
        "ViT or DeiT",
        rules=prefixed(timm_vit.BACKBONE, dst="backbone/"),
        library="timm",
        has=("cls_token", "patch_embed.proj.weight", "blocks.0.attn.qkv.weight"),
        lacks=("dist_token", "blocks.0.ls1.gamma", "blocks.0.gamma_1"),
        options=(_RESIZING,),
        example="setr_pup_vitb16",
        # DeiT, DINO and MAE were trained with ImageNet's mean and deviation, Google's
        # networks (augreg, orig_in21k) and SAM with values on [-1, 1].
        hints=(
            *((word, IMAGENET) for word in ("deit", "dino", "mae")),
            *((word, HALF) for word in ("augreg", "orig_in21k", ".sam_")),
        ),
    ),
    backbone_row(
        "distilled DeiT",
        rules=prefixed(timm_vit.BACKBONE, dst="backbone/"),
        library="timm",
        has=("cls_token", "dist_token", "blocks.0.attn.qkv.weight"),
        options=(("distilled", True), _RESIZING),
        example="setr_pup_vits16",
    ),
    *(
        backbone_row(
            f"DINOv2{title}",
            rules=prefixed(rules, dst="backbone/"),
            library=library,
            has=("pos_embed", "blocks.0.attn.qkv.weight", "blocks.0.ls1.gamma", *has),
            lacks=lacks,
            options=options,
            example=f"linear_dinov2_vits14{'_reg' if title else ''}",
        )
        for title, library, rules, has, lacks, options in _DINOV2
    ),
    *(
        backbone_row(
            f"DINOv3{title}",
            rules=prefixed(rules, dst="backbone/"),
            library="timm",
            has=("reg_token", "blocks.0.attn.qkv.weight", "blocks.0.gamma_1", layer),
            lacks=("pos_embed", "blocks.0.attn.q_bias"),
            example=f"linear_dinov3_vits16{'plus' if title else ''}",
            hints=(("sat493m", _SATELLITE), ("dinov3", IMAGENET)),
        )
        for title, rules, layer in (
            ("", dinov3.TIMM, "blocks.0.mlp.fc1.weight"),
            (" with SwiGLU", dinov3.TIMM_GATED, "blocks.0.mlp.fc1_g.weight"),
        )
    ),
    backbone_row(
        "Swin Transformer",
        rules=prefixed(timm_swin.BACKBONE, dst="backbone/"),
        library="timm",
        has=(_SWIN, "layers.3.downsample.reduction.weight"),
        absent=("*stage?_norm/*",),
        options=(("shift_always", False),),
        example="upernet_swin_t",
    ),
    backbone_row(
        "Swin Transformer of the authors",
        rules=prefixed(timm_swin.AUTHORS, dst="backbone/"),
        library="timm",
        has=(_SWIN, "layers.0.downsample.reduction.weight"),
        absent=("*stage?_norm/*",),
        options=(("shift_always", False),),
        example="upernet_swin_t",
    ),
    backbone_row(
        "ConvNeXt",
        rules=prefixed(timm_convnext.BACKBONE, dst="backbone/"),
        library="timm",
        has=(
            "stem.0.weight",
            "stages.0.blocks.0.gamma",
            "stages.3.downsample.1.weight",
        ),
        lacks=("stages.0.blocks.0.mlp.grn.weight",),
        absent=("*stage?_norm/*",),
        example="upernet_convnext_t",
    ),
    backbone_row(
        "ResNet-D",
        rules=timm_resnet_d.MAP,
        library="timm",
        has=("conv1.0.weight", "conv1.6.weight", "layer2.0.downsample.2.weight"),
        options=(("stem", "d"),),
        example="deeplabv3_resnet50",
        lookalikes=(ANTI_ALIASED,),
        named=RESNET_NAME,
    ),
    backbone_row(
        "ResNet-C",
        rules=timm_resnet.MAP,
        library="timm",
        has=("conv1.0.weight", "conv1.6.weight", "layer2.0.downsample.0.weight"),
        options=(("stem", "c"),),
        example="deeplabv3_resnet50",
    ),
    *(
        backbone_row(
            f"Xception-{depth}",
            rules=table,
            library="timm",
            has=(
                f"blocks.{last}.stack.conv1.conv_dw.weight",
                "blocks.0.shortcut.conv.weight",
            ),
            lacks=(f"blocks.{last + 1}.stack.conv1.conv_dw.weight",),
            example=f"deeplabv3plus_xception{depth}",
            normalization=HALF,
        )
        for depth, last, table in (
            (41, 12, timm_xception.MAP_41),
            (65, 20, timm_xception.MAP_65),
            (71, 22, timm_xception.MAP_71),
        )
    ),
    backbone_row(
        "MobileNet v2",
        rules=timm_mobilenet_v2.MAP,
        library="timm",
        has=("conv_stem.weight", "blocks.1.0.conv_pwl.weight", "blocks.6.0.bn3.weight"),
        lacks=("blocks.1.0.se.conv_reduce.weight", "blocks.5.3.conv_pwl.weight"),
        example="deeplabv3plus_mobilenetv2",
    ),
    *(
        backbone_row(
            f"MobileNet v3 {size}",
            rules=table,
            library="timm",
            has=(
                "conv_stem.weight",
                f"blocks.{last}.0.conv.weight",
                "blocks.0.0.bn2.bias",
            ),
            example="deeplabv3_mobilenetv3",
            **_MOBILENET,
        )
        for size, last, table in (
            ("large", 6, timm_mobilenet_v3.LARGE),
            ("small", 5, timm_mobilenet_v3.SMALL),
        )
    ),
)
