"""The atrous family: DeepLab v1 to v3+, PSPNet, DRN, HDC/DUC, FastFCN, DenseASPP."""

RESNET = {"width": 4, "blocks": (1, 1, 1, 1)}
VGG = {"channels": (4, 4, 8, 8, 8)}
TORCHVISION = "torchvision build, auxiliary head left out"
RELEASE = "build of the authors' release"
PARTS = "sum over the parts, checked against the backbone's build"


def row(classes, parameters, source, *, narrow=None, same_as=None, exclude=(), dead=()):
    shape = {"classes": classes, "parameters": parameters, "source": source}
    kind = {"narrow": narrow} if same_as is None else {"same_as": same_as}
    return {**shape, **kind, "exclude": exclude, "dead": dead or ("(?!)",)}


AUX = ("aux_head",)
# A bias before batch normalization is canceled by its mean.
CANCELED = (r"branch\d/conv1/bias$",)
V1 = {**VGG, "features": 16, "scale_features": 4}
V3 = {**RESNET, "features": 8}
# strides in the last unit of a stage need a first one that changes the channels
BETA = {"width": 4, "blocks": (2, 2, 2, 1)}
CASCADE = {**BETA, "cascade": 2}
XCEPTION = {"width": 1 / 16, "middle": 1, "features": 8, "low": 4}
MOBILE = {"width": 0.25, "features": 8}
PSP = {**RESNET, "features": 8}
DRN = {"width": 2}
DENSE = {"layers": (1, 2, 2, 1), "growth": 4, "first": 8, "widths": (8, 4)}

ROWS = {
    "deeplabv1_vgg16": row(21, 20505429, "arXiv 1412.7062: 20.5M", narrow=V1),
    "deeplabv1_vgg16_4x4": row(21, 65140565, "arXiv 1606.00915, table 1", narrow=V1),
    "deeplabv1_vgg16_7x7": row(21, 134346581, "arXiv 1606.00915, table 1", narrow=V1),
    # 20,505,429 + branches without scores 1,192,576 + 640 * 21 more classifier weights
    "deeplabv1_vgg16_msc": row(
        21, 21711445, "20,505,429 + 1,192,576 + 13,440", narrow=V1
    ),
    "deeplabv2_vgg16": row(
        21,
        37877652,
        "14,714,688 + 4 fc6-fc7-fc8 branches of 5,790,741",
        narrow={**VGG, "features": 16},
    ),
    "deeplabv2_resnet101": row(
        21, 44048532, "kazuto1011/deeplab-pytorch build", narrow=RESNET
    ),
    "deeplabv3_resnet50": row(21, 39638869, TORCHVISION, narrow=V3),
    "deeplabv3_resnet101": row(21, 58630997, TORCHVISION, same_as="deeplabv3_resnet50"),
    "deeplabv3_resnet50_beta": row(21, 39172309, PARTS, narrow={**BETA, "features": 8}),
    "deeplabv3_resnet101_beta": row(
        21,
        58164437,
        "arXiv 1801.04381, table 7: 58.16M",
        same_as="deeplabv3_resnet50_beta",
    ),
    "deeplabv3_cascade_resnet50_beta": row(
        21, 63838165, "23,674,837 + 3 blocks of 13,387,776", narrow=CASCADE
    ),
    "deeplabv3_cascade_resnet101_beta": row(
        21,
        82830293,
        "42,666,965 + 3 blocks of 13,387,776",
        same_as="deeplabv3_cascade_resnet50_beta",
    ),
    "deeplabv3_mobilenetv2": row(
        21, 4523541, "arXiv 1801.04381, table 7: 4.52M", narrow=MOBILE
    ),
    "deeplabv3_mobilenetv3": row(21, 11025477, TORCHVISION, narrow=MOBILE),
    "lraspp_mobilenetv3": row(21, 3221538, "torchvision metadata", narrow=MOBILE),
    "deeplabv3plus_resnet50": row(
        21,
        40352181,
        "23,508,032 + ASPP 15,535,104 + decoder 1,303,648 + 5,397",
        narrow={**V3, "low": 4},
    ),
    "deeplabv3plus_resnet101": row(
        21, 59344309, "as resnet50, with 42,500,160", same_as="deeplabv3plus_resnet50"
    ),
    "deeplabv3plus_xception41": row(
        21, 28108661, "timm's xception41 + parts", narrow=XCEPTION
    ),
    "deeplabv3plus_xception65": row(
        21, 41055413, "timm's xception65 + parts", same_as="deeplabv3plus_xception41"
    ),
    "deeplabv3plus_xception71": row(
        21, 43477837, "timm's xception71 + parts", narrow=XCEPTION
    ),
    "deeplabv3plus_mobilenetv2": row(
        21,
        2725573,
        "2,568,021 with separable ASPP + decoder 157,552",
        narrow={**MOBILE, "low": 4},
    ),
    "pspnet_resnet50": row(
        21, 46716373, "hszhao/semseg build", narrow=PSP, exclude=AUX
    ),
    "pspnet_resnet101": row(
        21, 65708501, "hszhao/semseg build", same_as="pspnet_resnet50", exclude=AUX
    ),
    "pspnet_resnet152": row(
        21, 81352149, "hszhao/semseg build", same_as="pspnet_resnet50", exclude=AUX
    ),
    "drn_a50": row(19, 23546963, RELEASE, narrow={"width": 4}),
    "drn_c26": row(19, 20623331, RELEASE, narrow=DRN),
    "drn_c42": row(19, 30731491, RELEASE, same_as="drn_c26"),
    # the release's 41,088,355 hold 2048 * 512 + 2 * 512 that no output depends on
    "drn_c58": row(19, 40038755, "41,088,355 - 1,049,600 unused", narrow={"width": 1}),
    "drn_d22": row(19, 15890499, RELEASE, narrow=DRN),
    "drn_d24": row(19, 20611139, RELEASE, narrow=DRN),
    "drn_d38": row(19, 25998659, RELEASE, same_as="drn_d22"),
    "drn_d40": row(19, 30719299, RELEASE, same_as="drn_d24"),
    "drn_d54": row(19, 35305923, RELEASE, narrow={"width": 1}),
    "drn_d56": row(19, 40026563, RELEASE, same_as="drn_d54"),
    "drn_d105": row(19, 54298051, RELEASE, same_as="drn_d54"),
    "drn_d107": row(19, 59018691, RELEASE, same_as="drn_d54"),
    "duc_hdc_resnet50": row(
        19,
        46046336,
        "23,631,808 + 4 * (9 * 2048 + 1) * 304",
        narrow={**RESNET, "width": 2},
    ),
    "duc_hdc_resnet101": row(
        19,
        65038464,
        "42,623,936 + 4 * (9 * 2048 + 1) * 304",
        same_as="duc_hdc_resnet50",
    ),
    "fastfcn_fcn_resnet50": row(
        59,
        52835835,
        "23,631,808 + JPU 19,735,552 + 9,468,475",
        narrow=RESNET,
        exclude=AUX,
    ),
    "fastfcn_fcn_resnet101": row(
        59,
        71827963,
        "42,623,936 + JPU 19,735,552 + 9,468,475",
        same_as="fastfcn_fcn_resnet50",
        exclude=AUX,
    ),
    "fastfcn_psp_resnet50": row(59, 66471419, RELEASE, narrow=RESNET, exclude=AUX),
    "fastfcn_psp_resnet101": row(
        59,
        85463547,
        "66,471,419 + 18,992,128",
        same_as="fastfcn_psp_resnet50",
        exclude=AUX,
    ),
    "fastfcn_deeplabv3_resnet50": row(
        59, 59507963, RELEASE, narrow=RESNET, exclude=AUX
    ),
    "fastfcn_deeplabv3_resnet101": row(
        59, 78500091, RELEASE, same_as="fastfcn_deeplabv3_resnet50", exclude=AUX
    ),
    "fastfcn_enc_resnet50": row(
        59,
        44989531,
        "23,631,808 + JPU 19,735,552 + 1,622,171",
        narrow=RESNET,
        exclude=AUX,
    ),
    "fastfcn_enc_resnet101": row(
        59,
        63981659,
        "44,989,531 + 18,992,128",
        same_as="fastfcn_enc_resnet50",
        exclude=AUX,
    ),
    "denseaspp_densenet121": row(19, 8280851, RELEASE, narrow=DENSE, dead=CANCELED),
    "denseaspp_densenet161": row(
        19, 35395427, RELEASE, same_as="denseaspp_densenet121"
    ),
    "denseaspp_densenet169": row(
        19, 18420675, RELEASE, same_as="denseaspp_densenet121"
    ),
    "denseaspp_densenet201": row(
        19, 28639987, RELEASE, same_as="denseaspp_densenet121"
    ),
}
