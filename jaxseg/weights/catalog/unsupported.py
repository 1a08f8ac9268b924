"""Recognizes networks of other libraries that jaxseg does not support.

Each network is recognized by the name of one of its tensors in mmsegmentation 1.2.2 or
segmentation_models_pytorch 0.6.0.
"""

_HEADS = (  # Name and unique key of each head of MMSegmentation.
    ("EncNet", "decode_head.enc_module.encoding.0.codewords"),
    ("GCNet", "decode_head.gc_block.conv_mask.weight"),
    ("PSANet", "decode_head.attention.0.conv.weight"),
    ("EMANet", "decode_head.ema_module.bases"),
    ("ANN", "decode_head.fusion.stages.0.key_project.conv.weight"),
    ("ISANet", "decode_head.global_relation.key_project.0.conv.weight"),
    ("APCNet", "decode_head.acm_modules.0.gla.weight"),
    ("DMNet", "decode_head.dcm_modules.0.filter_gen_conv.weight"),
    ("CCNet", "decode_head.cca.gamma.scale"),
    ("DNLNet", "decode_head.dnl_block.g.conv.weight"),
    ("PointRend", "decode_head.0.scale_heads.0.0.conv.weight"),
    ("ICNet", "neck.cff_24.conv_low.conv.weight"),
    ("BiSeNetV2", "backbone.detail.detail_branch.0.0.conv.weight"),
    ("Fast-SCNN", "backbone.learning_to_downsample.conv.conv.weight"),
    ("STDC", "backbone.backbone.stages.0.conv.weight"),
    ("ERFNet", "backbone.encoder.2.convs_layers.0.weight"),
    ("SegFormer", "decode_head.fusion_conv.conv.weight"),
    ("Segmenter", "decode_head.cls_emb"),
    ("DeepLabV3", "decode_head.aspp_modules.0.conv.weight"),
    ("PSPNet", "decode_head.psp_modules.0.1.conv.weight"),
)
_DECODERS = (  # Those of segmentation_models.pytorch.
    ("UnetPlusPlus", "decoder.blocks.x_0_0.conv1.0.weight"),
    ("MAnet", "decoder.center.top_conv.weight"),
    ("Linknet", "decoder.blocks.0.block.0.0.weight"),
    ("PAN", "decoder.fpa.branch1.1.conv.weight"),
    ("Segformer", "decoder.mlp_stage.0.linear.weight"),
    ("DPT", "decoder.projection_blocks.0.project.0.weight"),
    ("DeepLabV3Plus", "decoder.aspp.0.convs.0.0.weight"),
    ("DeepLabV3", "decoder.aspp.convs.0.0.weight"),
    ("PSPNet", "decoder.psp.blocks.0.pool.1.0.weight"),
    ("Unet", "decoder.blocks.0.conv1.0.weight"),
)
_ENCODERS = (  # Beginnings of the tensor names of encoders.
    ("VGG", "encoder.features.0.weight"),
    ("MobileNet v2", "encoder.features.0.0.weight"),
    ("DenseNet", "encoder.features.conv0.weight"),
    ("an encoder of timm", "encoder.model."),
)


def name_of(keys: set[str]) -> str:
    """Returns the name of the unsupported network that has these tensors, or "".

    >>> name_of({"decode_head.ema_module.bases", "backbone.stem.0.weight"})
    "MMSegmentation's EMANet"

    Args:
      keys: The names of the tensors.
    """
    for library, rows in (
        ("MMSegmentation's", _HEADS),
        ("segmentation_models_pytorch's", _DECODERS),
    ):
        for name, key in rows:
            if key in keys:
                return f"{library} {name}{_encoder(keys)}"
    if any(key.startswith("decode_head.") for key in keys):
        return "a network of MMSegmentation"
    return ""


def _encoder(keys: set[str]) -> str:
    """Returns the encoder with which segmentation_models.pytorch built the network."""
    found = (
        f" on {name}"
        for name, start in _ENCODERS
        if any(key.startswith(start) for key in keys)
    )
    return next(found, "")
