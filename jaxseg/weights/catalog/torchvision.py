"""Lists torchvision's networks and classifiers that can be imported, and builds them.

Some classifiers have the same tensor names and shapes in timm.
"""

import importlib
from collections.abc import Mapping
from typing import Any

from jaxseg.weights.catalog.maps import (
    torchvision_alexnet,
    torchvision_convnext,
    torchvision_deeplabv3,
    torchvision_densenet,
    torchvision_efficientnet,
    torchvision_fcn,
    torchvision_googlenet,
    torchvision_lraspp,
    torchvision_mobilenet_v2,
    torchvision_mobilenet_v3,
    torchvision_resnet,
    torchvision_swin,
    torchvision_vgg,
    torchvision_vit,
)
from jaxseg.weights.catalog.sources import Peer, Source, SourceNetwork, backbone_row
from jaxseg.weights.catalog.timm import ANTI_ALIASED, RESNET_NAME
from jaxseg.weights.translate.model_card import HALF
from jaxseg.weights.translate.rules import prefixed

VOC = (
    *("background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car"),
    *("cat", "chair", "cow", "diningtable", "dog", "horse", "motorbike", "person"),
    *("pottedplant", "sheep", "sofa", "train", "tvmonitor"),
)


def build(
    network: SourceNetwork,
    options: Mapping[str, Any],
    keys: set[str],
    *,
    num_classes: int,
    channels: int,
) -> Any:
    """Returns a network of torchvision with new random weights.

    Nothing is downloaded. The result is a torch module.

    Args:
      network: The description of the network.
      options: The options of the network of jaxseg.
      keys: The tensor names of the checkpoint.
      num_classes: The number of classes.
      channels: The number of image channels.
    """
    module = importlib.import_module("torchvision.models.segmentation")
    arguments = {"num_classes": num_classes, "weights": None, "weights_backbone": None}
    if "lraspp" not in network.factory:
        auxiliary = any(key.startswith("aux_classifier.") for key in keys)
        arguments["aux_loss"] = auxiliary
    return getattr(module, network.factory)(**arguments)


PEER = Peer("torchvision.models.segmentation", build, size=(96, 129))
NETWORKS: tuple[Source, ...] = (
    Source(
        "FCN",
        rules=torchvision_fcn.MAP,
        library="torchvision",
        has=(
            "backbone.layer4.0.conv1.weight",
            "classifier.0.weight",
            "classifier.4.weight",
        ),
        networks=(
            SourceNetwork("fcn_resnet50", factory="fcn_resnet50"),
            SourceNetwork("fcn_resnet101", factory="fcn_resnet101"),
        ),
        classes=VOC,
        peer=PEER,
    ),
    Source(
        "DeepLabV3",
        rules=torchvision_deeplabv3.MAP,
        library="torchvision",
        has=("backbone.layer4.0.conv1.weight", "classifier.0.convs.0.0.weight"),
        networks=tuple(
            SourceNetwork(name, factory=name, aux="aux_classifier.")
            for name in ("deeplabv3_resnet50", "deeplabv3_resnet101")
        ),
        classes=VOC,
        peer=PEER,
    ),
    Source(
        "DeepLabV3 on MobileNet v3",
        rules=torchvision_deeplabv3.MAP_MOBILENET,
        library="torchvision",
        has=("backbone.0.0.weight", "classifier.0.convs.0.0.weight"),
        networks=(
            SourceNetwork(
                "deeplabv3_mobilenetv3",
                options=(("eager_rate", True), ("rates", (12, 24, 36))),
                factory="deeplabv3_mobilenet_v3_large",
                aux="aux_classifier.",
            ),
        ),
        classes=VOC,
        peer=PEER,
    ),
    Source(
        "LR-ASPP on MobileNet v3",
        rules=torchvision_lraspp.MAP,
        library="torchvision",
        has=("backbone.0.0.weight", "classifier.cbr.0.weight"),
        networks=(
            SourceNetwork(
                "lraspp_mobilenetv3",
                (("eager_rate", True),),
                "lraspp_mobilenet_v3_large",
            ),
        ),
        classes=VOC,
        peer=PEER,
    ),
)

BACKBONES: tuple[Source, ...] = (
    backbone_row(
        "Swin Transformer",
        rules=prefixed(torchvision_swin.BACKBONE, dst="backbone/"),
        library="torchvision",
        has=("features.1.0.attn.relative_position_bias_table", "head.weight"),
        absent=("*stage?_norm/*",),
        options=(("shift_always", False),),
        example="upernet_swin_t",
    ),
    backbone_row(
        "ConvNeXt",
        rules=prefixed(torchvision_convnext.BACKBONE, dst="backbone/"),
        library="torchvision",
        has=("features.1.0.layer_scale", "features.7.2.block.5.weight"),
        absent=("*stage?_norm/*",),
        example="upernet_convnext_t",
    ),
    backbone_row(
        "EfficientNet",
        rules=torchvision_efficientnet.MAP,
        library="torchvision",
        has=("features.1.0.block.1.fc1.weight", "features.7.0.block.3.0.weight"),
        options=(("padding", "symmetric"),),
        example="unet",
        backbone="efficientnet_b0",
    ),
    backbone_row(
        "ViT",
        rules=prefixed(torchvision_vit.BACKBONE, dst="backbone/"),
        library="torchvision",
        has=(
            "conv_proj.weight",
            "encoder.layers.encoder_layer_0.self_attention.in_proj_weight",
        ),
        example="setr_pup_vitb16",
    ),
    backbone_row(
        "ResNet",
        rules=torchvision_resnet.MAP,
        library="torchvision or timm",
        has=(
            "conv1.weight",
            "bn1.weight",
            "layer1.0.conv1.weight",
            "layer4.0.bn2.weight",
        ),
        lacks=("layer2.0.downsample.2.weight", "layer1.0.se.fc1.weight"),
        options=(("stem", "7x7"),),
        example="deeplabv3_resnet50",
        lookalikes=(ANTI_ALIASED,),
        named=RESNET_NAME,
    ),
    backbone_row(
        "VGG-19 with batch norm",
        rules=torchvision_vgg.VGG19_BN,
        library="torchvision or timm",
        has=("features.1.running_mean", "features.49.weight"),
    ),
    backbone_row(
        "VGG-16 with batch norm",
        rules=torchvision_vgg.VGG16_BN,
        library="torchvision or timm",
        has=("features.1.running_mean", "features.40.weight"),
    ),
    backbone_row(
        "VGG-19",
        rules=torchvision_vgg.VGG19,
        library="torchvision or timm",
        has=("features.0.weight", "features.34.weight"),
        lacks=("features.1.running_mean",),
    ),
    backbone_row(
        "VGG-16",
        rules=torchvision_vgg.VGG16,
        library="torchvision or timm",
        has=("features.0.weight", "features.28.weight"),
        lacks=("features.1.running_mean", "features.30.weight", "features.34.weight"),
        example="fcn8s_vgg16",
    ),
    backbone_row(
        "AlexNet",
        rules=torchvision_alexnet.MAP,
        library="torchvision",
        has=("features.0.weight", "features.3.weight", "features.10.weight"),
        lacks=("features.1.running_mean", "features.5.weight"),
        example="fcn32s_alexnet",
    ),
    backbone_row(
        "GoogLeNet",
        rules=torchvision_googlenet.MAP,
        library="torchvision",
        has=("conv1.conv.weight", "inception3a.branch1.conv.weight"),
        example="fcn32s_googlenet",
        normalization=HALF,  # Torchvision's network renormalizes.
    ),
    backbone_row(
        "DenseNet",
        rules=torchvision_densenet.MAP,
        library="torchvision or timm",
        has=("features.conv0.weight", "features.norm5.weight"),
        example="denseaspp_densenet121",
    ),
    backbone_row(
        "MobileNet v2",
        rules=torchvision_mobilenet_v2.MAP,
        library="torchvision",
        has=(
            "features.0.0.weight",
            "features.1.conv.0.0.weight",
            "features.18.0.weight",
        ),
        example="deeplabv3plus_mobilenetv2",
    ),
    backbone_row(
        "MobileNet v3 large",
        rules=torchvision_mobilenet_v3.LARGE,
        library="torchvision",
        has=("features.1.block.0.0.weight", "features.16.0.weight"),
        example="deeplabv3_mobilenetv3",
    ),
    backbone_row(
        "MobileNet v3 small",
        rules=torchvision_mobilenet_v3.SMALL,
        library="torchvision",
        has=("features.1.block.1.fc1.weight", "features.12.0.weight"),
        example="deeplabv3_mobilenetv3",
    ),
)
