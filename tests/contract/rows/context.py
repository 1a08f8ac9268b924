"""The context family: HRNet, OCR, SETR, DANet, BiSeNet, Gated-SCNN, graphs, propagation.

Counts of the released networks were taken by building them; the others follow from the
layers, added up in `source`.
"""

RELEASE = "the authors' network definition, built and counted"
CLOSED = "closed form of the layers: "
TRUNK = {"width": 8, "blocks": (1, 1, 1, 1)}
SMALL_HRNET = {
    "width": 4,
    "stem": 8,
    "first_blocks": 1,
    "first_features": 4,
    "blocks": 1,
    "modules": (1, 1, 1),
}
SMALL_VIT = {
    "depth": 4,
    "width": 16,
    "heads": 2,
    "features": 8,
    "image_size": (32, 48),
}
# A bias before batch normalization is canceled by its mean.
CANCELED = (r"conv/bias$",)
# The multi-level decoder leaves the class token out before the first layer.
NO_TOKEN = (r"class_token$",)
# Softmax ignores what all keys have in common.
KEY_BIAS = (r"key/bias$", r"phi/bias$")
AUX = ("aux_head",)


def aux_heads(count):
    return tuple(f"aux_heads_{i}" for i in range(count))


def setr(count, source_heads, same_as=None, dead=CANCELED):
    row = {
        "classes": 19,
        "parameters": count,
        "source": RELEASE + ", 768 x 768, without unused layers",
        "exclude": aux_heads(source_heads),
    }
    if same_as:
        return {**row, "same_as": same_as}
    return {**row, "narrow": SMALL_VIT, "dead": dead}


ROWS = {
    "hrnet_w18": {
        "classes": 19,
        "parameters": 9_641_119,
        "source": RELEASE,
        "narrow": SMALL_HRNET,
        "dead": CANCELED,
    },
    "hrnet_w32": {
        "classes": 19,
        "parameters": 29_546_515,
        "source": RELEASE,
        "same_as": "hrnet_w18",
    },
    "hrnet_w48": {
        "classes": 19,
        "parameters": 65_859_379,
        "source": RELEASE,
        "same_as": "hrnet_w18",
    },
    "hrnet_small_v1": {
        "classes": 19,
        "parameters": 1_540_819,
        "source": RELEASE,
        "same_as": "hrnet_w18",
    },
    "hrnet_small_v2": {
        "classes": 19,
        "parameters": 3_939_579,
        "source": RELEASE,
        "same_as": "hrnet_w18",
    },
    "ocrnet_resnet101": {
        "classes": 19,
        "parameters": 57_988_838,
        "source": "openseg SpatialOCRNet heads 15,364,902 + deep-stem trunk 42,623,936",
        "narrow": {**TRUNK, "features": 16, "key_features": 8},
        "dead": CANCELED,
    },
    "ocrnet_hrnet_w18": {
        "classes": 19,
        "parameters": 12_080_818,
        "source": RELEASE,
        "narrow": {**SMALL_HRNET, "features": 16, "key_features": 8},
        "dead": CANCELED,
    },
    "ocrnet_hrnet_w32": {
        "classes": 19,
        "parameters": 32_953_894,
        "source": RELEASE,
        "same_as": "ocrnet_hrnet_w18",
    },
    "ocrnet_hrnet_w48": {
        "classes": 19,
        "parameters": 70_372_678,
        "source": RELEASE,
        "same_as": "ocrnet_hrnet_w18",
    },
    "setr_naive_vitl16": setr(305_728_019, 3),
    "setr_pup_vitl16": setr(309_596_947, 4),
    "setr_mla_vitl16": setr(310_737_427, 4, dead=NO_TOKEN),
    "setr_naive_vitb16": setr(87_619_859, 3, "setr_naive_vitl16"),
    "setr_pup_vitb16": setr(90_964_499, 4, "setr_pup_vitl16"),
    "setr_mla_vitb16": setr(92_431_123, 4, "setr_mla_vitl16"),
    "setr_naive_vits16": setr(22_579_091, 3, "setr_naive_vitl16"),
    "setr_pup_vits16": setr(25_137_299, 4, "setr_pup_vitl16"),
    "setr_mla_vits16": setr(27_093_139, 4, "setr_mla_vitl16"),
    "setr_naive_vitti16": setr(5_983_955, 3, "setr_naive_vitl16"),
    "setr_pup_vitti16": setr(8_148_947, 4, "setr_pup_vitl16"),
    "setr_mla_vitti16": setr(10_349_395, 4, "setr_mla_vitl16"),
    "danet_resnet50": {
        "classes": 19,
        "parameters": 47_462_651,
        "source": "authors' head 23,954,619 + ResNet-50 23,508,032",
        "narrow": {**TRUNK, "features": 16},
        "dead": KEY_BIAS,
    },
    "danet_resnet101": {
        "classes": 19,
        "parameters": 66_454_779,
        "source": "authors' head 23,954,619 + ResNet-101 42,500,160",
        "same_as": "danet_resnet50",
    },
    "bisenet_resnet18": {
        "classes": 19,
        "parameters": 12_894_163,
        "source": RELEASE,
        "exclude": ("aux_c3", "aux_c4"),
        "narrow": {"width": 8, "features": 8, "blocks": (1, 1, 1, 1)},
        "size": (96, 96),
    },
    "bisenet_resnet101": {
        "classes": 19,
        "parameters": 47_638_803,
        "source": RELEASE,
        "exclude": ("aux_c3", "aux_c4"),
        "same_as": "bisenet_resnet18",
    },
    "bisenet_xception39": {
        "classes": 19,
        "parameters": 1_541_963,
        "source": RELEASE,
        "exclude": ("aux_c3", "aux_c4"),
        "narrow": {"features": 8, "blocks": (2, 2, 2), "width": 32},
        "size": (96, 96),
    },
    "gscnn_wideresnet38": {
        "loss": {
            "name": "image_weighted_cross_entropy",
            "additional": (("dual_task", 1.0), ("edge_attention", 1.0)),
            "edge_radius": 2,
        },
        "classes": 19,
        "parameters": 137_278_125,
        "source": RELEASE + ", without an unused layer of 65",
        "narrow": {
            "width": 4,
            "features": 8,
            "skip_features": 4,
            "blocks": (1, 1, 1, 1, 1, 1),
        },
        # The batch normalization that follows cancels these biases: their gradients
        # are rounding, 1e-10 where the kernels beside them have 1e-3.
        "dead": (r"gate\d/gate2/bias$", r"view\d/bias$"),
    },
    "nonlocal_resnet50": {
        "classes": 19,
        "parameters": 47_639_891,
        "source": CLOSED + "MMSegmentation's NLHead 24,131,859 + ResNet-50 23,508,032",
        "exclude": AUX,
        "narrow": {**TRUNK, "features": 16},
        "dead": KEY_BIAS,
    },
    "nonlocal_resnet101": {
        "classes": 19,
        "parameters": 66_632_019,
        "source": CLOSED + "24,131,859 + ResNet-101 42,500,160",
        "exclude": AUX,
        "same_as": "nonlocal_resnet50",
    },
    "fcn_seresnet50": {
        "classes": 19,
        "parameters": 35_486_979,
        "source": CLOSED + "SE-ResNet-50 trunk 26,039,024 + 9*2048*512 + 1,024 + 9,747",
        "exclude": AUX,
        "narrow": {**TRUNK, "features": 16, "reduction": 8},
    },
    "fcn_seresnet101": {
        "classes": 19,
        "parameters": 56_725_827,
        "source": CLOSED + "SE-ResNet-101 49,326,872 - 2,049,000 + 9,447,955",
        "exclude": AUX,
        "same_as": "fcn_seresnet50",
    },
    "glore_resnet50": {
        "classes": 19,
        "parameters": 24_752_979,
        "source": CLOSED + "23,508,032 + 1,049,600 + unit 185,600 + 9,747",
        "exclude": AUX,
        "narrow": {**TRUNK, "features": 16, "states": 8, "nodes": 4},
    },
    "glore_resnet101": {
        "classes": 19,
        "parameters": 43_745_107,
        "source": CLOSED + "42,500,160 + 1,049,600 + unit 185,600 + 9,747",
        "exclude": AUX,
        "same_as": "glore_resnet50",
    },
    "gcu_resnet50": {
        "classes": 19,
        "parameters": 25_160_275,
        "source": CLOSED + "23,508,032 + 1,049,600 + units 573,440 + 1536*19 + 19",
        "exclude": AUX,
        "narrow": {**TRUNK, "features": 16, "unit_features": 8, "vertices": (2, 4)},
    },
    "gcu_resnet101": {
        "classes": 19,
        "parameters": 44_152_403,
        "source": CLOSED + "42,500,160 + 1,049,600 + units 573,440 + 1536*19 + 19",
        "exclude": AUX,
        "same_as": "gcu_resnet50",
    },
    "ginet_resnet50": {
        "classes": 19,
        "parameters": 53_406_446,
        "source": CLOSED + "23,508,032 + JPU 19,735,552 + PaddleSeg's head 10,162,862",
        "exclude": ("aux_head", "aux_presence"),
        "narrow": {**TRUNK, "features": 8, "nodes": 4, "states": 8},
        "dead": KEY_BIAS,
    },
    "ginet_resnet101": {
        "classes": 19,
        "parameters": 72_398_574,
        "source": CLOSED + "42,500,160 + 19,735,552 + 10,162,862",
        "exclude": ("aux_head", "aux_presence"),
        "same_as": "ginet_resnet50",
    },
    "spn": {
        "classes": 19,
        "parameters": 21_801_203,
        "source": CLOSED + "VGG 14,714,688 + decoder 7,047,296 + mask 9,760 + 29,459",
        "exclude": ("aux_coarse",),
        "narrow": {"features": 4, "width": 4},
    },
    "cspn_resnet50": {
        "classes": 19,
        "parameters": 218_129_152,
        "source": CLOSED + "depth network 218,121,920 - 64*49 - 576 + 576*19",
        "narrow": {**TRUNK, "width": 2},
    },
    "cspn_depth_resnet50": {
        "classes": 1,
        "parameters": 218_121_920,
        "source": RELEASE + ", unused layers left out",
        "channels": 4,
        "task": "depth",
        "narrow": {**TRUNK, "width": 2},
    },
}
