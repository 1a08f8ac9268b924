"""Whole networks of MMSegmentation."""

from jaxseg.weights.sources import Network, Source

_MMSEG_ASPP = (
    ("stem", "c"),
    ("output_stride", 8),
    ("features", 512),
    ("project_kernel", 3),
    ("pool_first", True),
)
_STEM = "backbone.stem.0.weight"  # of ResNet-v1c
_WIDTHS = (18, 32, 48)
_STAGE4 = "backbone.stage4.0.branches.0.0.conv1.weight"  # of HRNet
_LAYER0 = "backbone.layers.0.attn.attn.in_proj_weight"  # of ViT


def _setr(decoder: str) -> tuple[Network, ...]:
    """SETR-L and -B at the sizes of Cityscapes and ADE20K."""
    return tuple(
        Network(
            f"setr_{decoder}_vit{trunk}16",
            (("variant", "mmseg"), ("image_size", (size, size))),
        )
        for trunk in "lb"
        for size in (768, 512)
    )


ROWS: tuple[Source, ...] = (
    Source(
        "PSPNet",
        "mmseg_deeplab:MAP_PSPNET",
        "mmsegmentation",
        (_STEM, "decode_head.psp_modules.0.1.conv.weight"),
        ("neck.conv_layers.0.conv.weight",),
        networks=tuple(
            Network(
                f"pspnet_resnet{depth}",
                (("stem", "c"), ("align_corners", False), ("output_stride", 8)),
            )
            for depth in (50, 101)
        ),
    ),
    Source(
        "DeepLabV3",
        "mmseg_deeplab:MAP_V3",
        "mmsegmentation",
        (_STEM, "decode_head.aspp_modules.0.conv.weight"),
        ("neck.conv_layers.0.conv.weight", "decode_head.c1_bottleneck.conv.weight"),
        networks=tuple(
            Network(
                f"deeplabv3_resnet{depth}",
                (*_MMSEG_ASPP, ("refine", False)),
                aux="auxiliary_head.",
            )
            for depth in (50, 101)
        ),
    ),
    Source(
        "DeepLabV3+",
        "mmseg_deeplab:MAP_V3PLUS",
        "mmsegmentation",
        (_STEM, "decode_head.c1_bottleneck.conv.weight"),
        networks=tuple(
            Network(
                f"deeplabv3plus_resnet{depth}",
                (*_MMSEG_ASPP, ("separable", "full"), ("aux", 256)),
            )
            for depth in (50, 101)
        ),
    ),
    Source(
        "UNet",
        "mmseg_unet",
        "mmsegmentation",
        ("backbone.encoder.0.0.convs.0.conv.weight", "decode_head.conv_seg.weight"),
        networks=(Network("unet_fcn"),),
    ),
    Source(
        "HRNet",
        "mmseg_hrnet",
        "mmsegmentation",
        (_STAGE4, "decode_head.convs.0.conv.weight", "decode_head.conv_seg.weight"),
        networks=tuple(
            Network(f"hrnet_w{width}", (("head_bias", False),)) for width in _WIDTHS
        ),
    ),
    Source(
        "OCRNet on HRNet",
        "mmseg_ocrnet",
        "mmsegmentation",
        (_STAGE4, "decode_head.1.object_context_block.bottleneck.conv.weight"),
        networks=tuple(
            Network(
                f"ocrnet_hrnet_w{width}", (("bias", False), ("align_corners", False))
            )
            for width in _WIDTHS
        ),
    ),
    Source(
        "SETR-MLA",
        "mmseg_setr:MLA",
        "mmsegmentation",
        (_LAYER0, "neck.mla.channel_proj.0.conv.weight"),
        networks=_setr("mla"),
    ),
    Source(
        "SETR-PUP",
        "mmseg_setr:UPSAMPLING",
        "mmsegmentation",
        (_LAYER0, "decode_head.up_convs.3.0.conv.weight"),
        ("neck.mla.channel_proj.0.conv.weight",),
        networks=_setr("pup"),
    ),
    Source(
        "SETR-naive",
        "mmseg_setr:UPSAMPLING",
        "mmsegmentation",
        (_LAYER0, "decode_head.up_convs.0.0.conv.weight"),
        ("neck.mla.channel_proj.0.conv.weight", "decode_head.up_convs.3.0.conv.weight"),
        networks=_setr("naive"),
    ),
    Source(
        "DANet",
        "mmseg_danet",
        "mmsegmentation",
        ("decode_head.pam.gamma.scale", "decode_head.cam.gamma.scale"),
        networks=tuple(
            Network(
                f"danet_resnet{depth}",
                (("variant", "release"), ("align_corners", False), ("stem", "c")),
            )
            for depth in (50, 101)
        ),
    ),
    Source(
        "Non-local",
        "mmseg_nonlocal",
        "mmsegmentation",
        ("decode_head.nl_block.g.conv.weight", "decode_head.conv_cat.conv.weight"),
        networks=tuple(
            Network(f"nonlocal_resnet{depth}", (("use_scale", True), ("stem", "c")))
            for depth in (50, 101)
        ),
    ),
    Source(
        "BiSeNetV1",
        "mmseg_bisenet",
        "mmsegmentation",
        (
            "backbone.context_path.gap_conv.1.conv.weight",
            "backbone.ffm.conv1.conv.weight",
        ),
        networks=(Network("bisenet_resnet18", (("form", "mmseg"),)),),
    ),
)
