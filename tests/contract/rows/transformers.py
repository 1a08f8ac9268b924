"""Hierarchical transformers and their heads.

Counts are those of segmentation_models.pytorch, built and counted.
"""

RELEASE = "segmentation_models.pytorch 0.6.0, built and counted"
SMALL_MIT = {"channels": (4, 8, 20, 32), "blocks": (1, 1, 1, 1), "features": 8}
# The normalization after the fusion cancels what is constant over the map.
CONSTANT = (r"head/project_c\d/bias$",)


def segformer(count, **more):
    return {"classes": 19, "parameters": count, "source": RELEASE, **more}


# The counts include the batch normalization and the 1x1 convolution of the head. timm's
# networks with registers leave out the position of the class token, which is added.
TIMM = "timm 1.0.31, built and counted"
# DPT without the residual unit of the deepest level and the final normalization, and
# Swin without the final normalization, which transformers builds and does not use.
TRANSFORMERS = "transformers 5.24.0, built and counted, without unused layers"
SMALL_DINO = {"depth": 4, "width": 16, "heads": 2, "image_size": (28, 28)}


def linear_dino(count, **more):
    return {"classes": 19, "parameters": count, "source": TIMM, **more}


SMALL_DPT = {
    "depth": 4,
    "width": 16,
    "heads": 2,
    "image_size": (32, 32),
    "widths": (4, 4, 8, 8),
    "features": 8,
}


def dpt(count, **more):
    return {"classes": 19, "parameters": count, "source": TRANSFORMERS, **more}


SMALL_MASK2FORMER = {
    "width": 4,
    "blocks": (1, 1, 1, 1),
    "heads": (1, 1, 2, 2),
    "features": 8,
    "queries": 5,
    "layers": 1,
    "attention_heads": 2,
    "hidden": 8,
    "pixel_layers": 1,
    "pixel_hidden": 8,
}
# The bias of the keys adds one number to all scores of a query. The normalization
# removes the bias of the projections, because each channel is a group of its own.
WITHOUT_EFFECT = (
    r"self/key/bias$",
    r"pixel_decoder/project_c\d/conv/bias$",
)


def mask2former(count, **more):
    return {
        "classes": 19,
        "parameters": count,
        "source": TRANSFORMERS,
        "loss": {
            "name": "mask_classification",
            "options": {"mask_classification": {"points": 64}},
        },
        **more,
    }


ROWS = {
    "dpt_vitb16": dpt(109_963_219, narrow=SMALL_DPT),
    "dpt_vitl16": dpt(342_115_091, same_as="dpt_vitb16"),
    "mask2former_resnet50": mask2former(44_007_700, same_as="mask2former_swin_t"),
    "mask2former_swin_t": mask2former(
        47_405_966, narrow=SMALL_MASK2FORMER, dead=WITHOUT_EFFECT
    ),
    "mask2former_swin_s": mask2former(68_723_870, same_as="mask2former_swin_t"),
    "mask2former_swin_b": mask2former(106_888_524, same_as="mask2former_swin_t"),
    "segformer_b0": segformer(3_719_027, narrow=SMALL_MIT, dead=CONSTANT),
    "segformer_b1": segformer(13_682_131, same_as="segformer_b0"),
    "segformer_b2": segformer(27_361_235, same_as="segformer_b0"),
    "segformer_b3": segformer(47_237_075, same_as="segformer_b0"),
    "segformer_b4": segformer(64_007_635, same_as="segformer_b0"),
    "segformer_b5": segformer(84_607_955, same_as="segformer_b0"),
    "linear_dinov2_vits14": linear_dino(22_064_275, narrow=SMALL_DINO),
    "linear_dinov2_vitb14": linear_dino(86_595_859, same_as="linear_dinov2_vits14"),
    "linear_dinov2_vitl14": linear_dino(304_389_139, same_as="linear_dinov2_vits14"),
    "linear_dinov2_vits14_reg": linear_dino(22_065_811, same_as="linear_dinov2_vits14"),
    "linear_dinov2_vitb14_reg": linear_dino(86_598_931, same_as="linear_dinov2_vits14"),
    "linear_dinov2_vitl14_reg": linear_dino(
        304_393_235, same_as="linear_dinov2_vits14"
    ),
    "linear_dinov3_vits16": linear_dino(21_595_027, same_as="linear_dinov3_vits16plus"),
    "linear_dinov3_vits16plus": linear_dino(
        28_691_347, narrow={"depth": 4, "width": 16, "heads": 2}
    ),
    "linear_dinov3_vitb16": linear_dino(85_657_363, same_as="linear_dinov3_vits16plus"),
    "linear_dinov3_vitl16": linear_dino(
        303_100_947, same_as="linear_dinov3_vits16plus"
    ),
}
