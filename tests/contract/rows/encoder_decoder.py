"""The encoder-decoder family: FCN, DeconvNet, SegNet, U-Net, Tiramisu, RefineNet, ReSeg.

Counts come from the released network definitions (Caffe prototxt, Torch, Lasagne),
added up layer by layer, or from the PyTorch library that a row names.
"""

PROTOTXT = "sum over the layers of the released Caffe network definition"
TORCHVISION = "torchvision.models.segmentation, auxiliary head included"
SMP = "segmentation_models_pytorch.Unet, classes=21"
VGG_NARROW = {"width": 4, "fc_width": 12}
RESNET_NARROW = {"width": 8, "blocks": (1, 1, 1, 1)}
# A bias before batch normalization is canceled by its mean.
CANCELED = (r"conv/bias$", r"fc6_deconv/bias$")

ROWS = {
    "unet": {
        "classes": 11,
        "parameters": 31_038_283,
        "source": "milesial/Pytorch-UNet, n_channels=3, n_classes=11",
        "narrow": {"width": 4},
    },
    "unet_valid": {
        "classes": 2,
        "parameters": 31_030_658,
        "source": "arXiv 1505.04597 figure 1: 23 convolutions with biases",
        "channels": 1,
        "narrow": {"width": 3},
    },
    "unet_caffe": {
        "classes": 2,
        "parameters": 31_100_354,
        "source": "31,030,658 with the last up-convolution 128 -> 128",
        "channels": 1,
        "same_as": "unet_valid",
    },
    "unet_fcn": {
        "classes": 19,
        "parameters": 28_987_795,
        "source": "mmseg UNet 28,949,568 + FCNHead 38,227",
        "exclude": ("aux_head",),
        "narrow": {"width": 4},
    },
    "unet_resnet18": {
        "classes": 21,
        "parameters": 14_331_109,
        "source": SMP,
        "narrow": {**RESNET_NARROW, "features": (8, 8, 6, 5, 4)},
    },
    "unet_resnet34": {
        "classes": 21,
        "parameters": 24_439_269,
        "source": SMP,
        "same_as": "unet_resnet18",
    },
    "unet_resnet50": {
        "classes": 21,
        "parameters": 32_524_005,
        "source": SMP,
        "same_as": "unet_resnet18",
    },
    "unetplusplus_resnet34": {
        "classes": 21,
        "parameters": 26_081_509,
        "source": "segmentation_models_pytorch.UnetPlusPlus, classes=21",
        "narrow": {**RESNET_NARROW, "features": (8, 8, 6, 5, 4)},
    },
    "segnet": {
        "classes": 11,
        "parameters": 29_449_355,
        "source": PROTOTXT + ": 29,443,008 + 577 C",
        "narrow": {"width": 4},
        "dead": CANCELED,
    },
    "segnet_basic": {
        "classes": 11,
        "parameters": 1_416_587,
        "source": PROTOTXT,
        "narrow": {"width": 6},
        "dead": CANCELED,
    },
    "bayesian_segnet": {
        "classes": 11,
        "parameters": 29_449_355,
        "source": PROTOTXT,
        "narrow": {"width": 4, "dropout": 0.2},
        "dead": CANCELED,
    },
    "bayesian_segnet_basic": {
        "classes": 11,
        "parameters": 1_416_587,
        "source": PROTOTXT,
        "narrow": {"width": 6, "dropout": 0.2},
        "dead": CANCELED,
    },
    "fcn32s_vgg16": {
        "classes": 21,
        "parameters": 134_346_581,
        "source": PROTOTXT + ", fixed deconvolution apart: 134,260,544 + 4097 C",
        "same_as": "fcn8s_vgg16",
    },
    "fcn16s_vgg16": {
        "classes": 21,
        "parameters": 134_357_354,
        "source": "fcn32s_vgg16 + 513 C",
        "same_as": "fcn8s_vgg16",
    },
    "fcn8s_vgg16": {
        "classes": 21,
        "parameters": 134_362_751,
        "source": "fcn16s_vgg16 + 257 C",
        "narrow": VGG_NARROW,
    },
    "fcn8s_atonce_vgg16": {
        "classes": 21,
        "parameters": 134_362_751,
        "source": "as fcn8s_vgg16: the scales of its skips are fixed",
        "same_as": "fcn8s_vgg16",
    },
    "fcn32s_alexnet": {
        "classes": 21,
        "parameters": 56_954_261,
        "source": PROTOTXT + ", fixed deconvolution apart: 56,868,224 + 4097 C",
        "narrow": {"width": 1 / 16, "fc_width": 12},
    },
    "fcn32s_googlenet": {
        "classes": 21,
        "parameters": 5_995_077,
        "source": "GoogLeNet's trunk 5,973,552 + 1025 C",
        "narrow": {"width": 1 / 8, "dropout": 0.1},
    },
    "fcn_resnet50": {
        "classes": 21,
        "parameters": 35_322_218,
        "source": TORCHVISION,
        "narrow": RESNET_NARROW,
    },
    "fcn_resnet101": {
        "classes": 21,
        "parameters": 54_314_346,
        "source": TORCHVISION,
        "same_as": "fcn_resnet50",
    },
    "deconvnet": {
        "classes": 21,
        "parameters": 251_805_653,
        "source": PROTOTXT,
        "narrow": {"width": 4, "fc_width": 8},
        "dead": CANCELED,
    },
    "fc_densenet56": {
        "classes": 11,
        "parameters": 1_376_795,
        "source": "SimJeg/FC-DenseNet layer by layer; bfortuner/pytorch_tiramisu built",
        "narrow": {"layers": (2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2), "growth": 3, "stem": 6},
    },
    "fc_densenet67": {
        "classes": 11,
        "parameters": 3_463_243,
        "source": "as fc_densenet56",
        "same_as": "fc_densenet56",
    },
    "fc_densenet103": {
        "classes": 11,
        "parameters": 9_322_091,
        "source": "as fc_densenet56; 9,425,163 with running statistics",
        "same_as": "fc_densenet56",
    },
    "refinenet_resnet50": {
        "classes": 21,
        "parameters": 99_060_309,
        "source": "DrSleep/refinenet-pytorch: encoder 23,508,032 + decoder 75,552,277",
        "narrow": {"width": 4, "blocks": (1, 1, 1, 1)},
    },
    "refinenet_resnet101": {
        "classes": 21,
        "parameters": 118_052_437,
        "source": "encoder 42,500,160 + decoder 75,552,277",
        "same_as": "refinenet_resnet50",
    },
    "refinenet_resnet152": {
        "classes": 21,
        "parameters": 133_696_085,
        "source": "encoder 58,143,808 + decoder 75,552,277",
        "same_as": "refinenet_resnet50",
    },
    "reseg": {
        "classes": 11,
        "parameters": 806_661,
        "source": "4 sweeps 756,000, two up-convolutions 50,100, classifier 561",
        "exclude": ("backbone",),
        "narrow": {
            "units": 5,
            "up_features": 4,
            "width": 4,
            "freeze_backbone": False,
        },
    },
}
