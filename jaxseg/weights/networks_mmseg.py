"""Whole networks of MMSegmentation."""

from jaxseg.weights.sources import Network, Source

_ASPP = (
    ("output_stride", 8),
    ("features", 512),
    ("project_kernel", 3),
    ("pool_first", True),
)
_HALF_PIXEL = ("align_corners", False)
_POOLED = "backbone.layer1.0.downsample.2.weight"  # behind a pooling: ResNet-v1d
_STEM = "backbone.stem.0.weight"
_TRUNKS = (  # name, table, keys that it has and lacks, options here
    ("v1c", "mmseg_resnet", (_STEM,), (_POOLED,), (("stem", "c"),)),
    (
        "v1d",
        "mmseg_resnet_d",
        (_STEM, _POOLED),
        (),
        (("stem", "d"), ("dense_pool", "none")),
    ),
    (
        "v1b",
        "mmseg_resnet_v1",
        ("backbone.conv1.weight", "backbone.layer4.0.conv1.weight"),
        (),
        (("stem", "7x7"),),
    ),
)
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


def _on_resnet(
    name: str,
    table: str,
    model: str,
    options: tuple,
    has: tuple[str, ...],
    lacks: tuple[str, ...] = (),
    aux: str = "",
) -> tuple[Source, ...]:
    """A row for each kind of ResNet below the same head.

    ``{}`` in ``model`` is its depth; where there is none, it is an option.
    """
    asked = "{}" not in model
    return tuple(
        Source(
            f"{name} on ResNet-{kind}",
            f"{trunk}+{table}",
            "mmsegmentation",
            (*keys, *has),
            (*absent, *lacks),
            networks=tuple(
                Network(
                    model.format(depth),
                    (*((("depth", depth),) * asked), *stem, *options),
                    aux=aux,
                )
                for depth in (50, 101)
            ),
        )
        for kind, trunk, keys, absent, stem in _TRUNKS
    )


_JPU = "neck.conv_layers.0.0.conv.weight"
_FASTFCN = (_HALF_PIXEL, ("variant", "mmseg"))

ROWS: tuple[Source, ...] = (
    *_on_resnet(
        "FastFCN-PSP",
        "mmseg_deeplab:MAP_FASTFCN_PSP",
        "fastfcn_psp_resnet{}",
        _FASTFCN,
        (_JPU, "decode_head.psp_modules.0.1.conv.weight"),
    ),
    *_on_resnet(
        "FastFCN-ASPP",
        "mmseg_deeplab:MAP_FASTFCN_ASPP",
        "fastfcn_deeplabv3_resnet{}",
        _FASTFCN,
        (_JPU, "decode_head.aspp_modules.0.conv.weight"),
    ),
    *_on_resnet(
        "FastFCN-Enc",
        "mmseg_deeplab:MAP_FASTFCN_ENC",
        "fastfcn_enc_resnet{}",
        _FASTFCN,
        (_JPU, "decode_head.enc_module.encoding.0.codewords"),
    ),
    *_on_resnet(
        "PSPNet",
        "mmseg_deeplab:MAP_PSPNET",
        "pspnet_resnet{}",
        (_HALF_PIXEL, ("output_stride", 8)),
        ("decode_head.psp_modules.0.1.conv.weight",),
        (_JPU, "decode_head.lateral_convs.0.conv.weight"),  # UPerNet
    ),
    *_on_resnet(
        "DeepLabV3",
        "mmseg_deeplab:MAP_V3",
        "deeplabv3_resnet{}",
        (*_ASPP, ("refine", False)),
        ("decode_head.aspp_modules.0.conv.weight",),
        (_JPU, "decode_head.c1_bottleneck.conv.weight"),
        "auxiliary_head.",
    ),
    *_on_resnet(
        "DeepLabV3+",
        "mmseg_deeplab:MAP_V3PLUS",
        "deeplabv3plus_resnet{}",
        (*_ASPP, ("separable", "full"), ("aux", 256)),
        ("decode_head.c1_bottleneck.conv.weight",),
    ),
    *_on_resnet(
        "OCRNet",
        "mmseg_ocrnet:HEADS",
        "ocrnet_resnet101",
        (_HALF_PIXEL, ("bias", False), ("region_features", 256)),
        ("decode_head.1.object_context_block.bottleneck.conv.weight",),
    ),
    *_on_resnet(
        "DANet",
        "mmseg_danet",
        "danet_resnet{}",
        (_HALF_PIXEL, ("variant", "release")),
        ("decode_head.pam.gamma.scale", "decode_head.cam.gamma.scale"),
    ),
    *_on_resnet(
        "Non-local",
        "mmseg_nonlocal",
        "nonlocal_resnet{}",
        (("use_scale", True),),
        ("decode_head.nl_block.g.conv.weight", "decode_head.conv_cat.conv.weight"),
    ),
    *_on_resnet(
        "FCN",
        "mmseg_fcn",
        "fcn_resnet{}",
        (("convs", 2), ("join", True), ("output_stride", 8)),
        ("decode_head.convs.1.conv.weight", "decode_head.conv_cat.conv.weight"),
        tuple(
            f"decode_head.{block}"
            for block in (
                "nl_block.g.conv.weight",
                "cca.gamma",
                "gc_block.conv_mask.weight",
                "ema_module.bases",
            )
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
