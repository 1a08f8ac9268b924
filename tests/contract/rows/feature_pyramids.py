"""Heads that merge four levels into a feature pyramid, with their auxiliary heads.

The counts are those of MMSegmentation, built and counted. Its ConvNeXt is that of
another package, and was counted with timm, with a normalization for each output.
"""

MMSEG = "MMSegmentation 1.2.2, built and counted"
TIMM_MMSEG = "timm 1.0.31 and the heads of MMSegmentation 1.2.2, built and counted"
SMALL_RESNET = {"width": 8, "blocks": (1, 1, 1, 1), "features": 8}
SMALL_SWIN = {
    "width": 8,
    "blocks": (2, 1, 1, 1),
    "heads": (1, 2, 2, 2),
    "window": 4,
    "features": 8,
}
SMALL_CONVNEXT = {"channels": (4, 8, 12, 16), "blocks": (1, 1, 1, 1), "features": 8}


def row(count, source=MMSEG, **more):
    return {"classes": 150, "parameters": count, "source": source, **more}


ROWS = {
    "semantic_fpn_resnet50": row(
        28_514_806, narrow={**SMALL_RESNET, "pyramid_features": 8}
    ),
    "semantic_fpn_resnet101": row(47_506_934, same_as="semantic_fpn_resnet50"),
    "upernet_resnet50": row(66_516_108, narrow=SMALL_RESNET),
    "upernet_resnet101": row(85_508_236, same_as="upernet_resnet50"),
    "upernet_swin_t": row(59_941_862, narrow=SMALL_SWIN),
    "upernet_swin_s": row(81_259_766, same_as="upernet_swin_t"),
    "upernet_swin_b": row(121_279_716, same_as="upernet_swin_t"),
    "upernet_convnext_t": row(60_242_636, TIMM_MMSEG, narrow=SMALL_CONVNEXT),
    "upernet_convnext_s": row(81_877_196, TIMM_MMSEG, same_as="upernet_convnext_t"),
    "upernet_convnext_b": row(122_102_956, TIMM_MMSEG, same_as="upernet_convnext_t"),
}
