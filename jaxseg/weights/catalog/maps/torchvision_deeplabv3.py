"""Imports `deeplabv3_resnet50`, `_resnet101` and `_mobilenet_v3_large` of torchvision.

The auxiliary classifier is imported if the network of jaxseg has one (`aux=True`). The
network on MobileNet is created by `deeplabv3_mobilenetv3(eager_rate=True, rates=(12,
24, 36))`.
"""

from jaxseg.weights.catalog.maps.torchvision_fcn import head as fcn_head
from jaxseg.weights.catalog.maps.torchvision_mobilenet_v3 import BACKBONE_LARGE
from jaxseg.weights.catalog.maps.torchvision_resnet import BACKBONE
from jaxseg.weights.translate.rules import Rules, conv, conv_norm, prefixed


def aspp(src: str, dst: str) -> Rules:
    """Returns the rules that import the weights of the ASPP of torchvision.

    segmentation_models.pytorch uses the same names.
    """
    return (
        *conv_norm(rf"{src}\.convs\.0\.0", rf"{src}\.convs\.0\.1", f"{dst}/branch0"),
        *conv_norm(rf"{src}\.convs\.4\.1", rf"{src}\.convs\.4\.2", f"{dst}/pool/conv"),
        *conv_norm(
            rf"{src}\.convs\.(\d)\.0",
            rf"{src}\.convs\.(\d)\.1",
            rf"{dst}/branch\1/dense",
        ),
        *conv_norm(rf"{src}\.project\.0", rf"{src}\.project\.1", f"{dst}/project"),
    )


HEAD = (
    *aspp(r"classifier\.0", "head/aspp"),
    *conv_norm(r"classifier\.1", r"classifier\.2", "head/refine"),
    *conv(r"classifier\.4", "head/score"),
    *fcn_head("aux_classifier", "aux_head"),
)
MAP = (*prefixed(BACKBONE, src=r"backbone\.", dst="backbone/"), *HEAD)


def _in_segmentation(rules: Rules) -> Rules:
    """Renames the keys of a classifier to those of a segmentation network.

    `features.N` of the classifier is `backbone.N` of the segmentation networks.
    """
    cut = len(r"features\.")
    return tuple((r"backbone\." + rule[0][cut:], *rule[1:]) for rule in rules)


MOBILENET = prefixed(_in_segmentation(BACKBONE_LARGE), dst="backbone/")
MAP_MOBILENET = (*MOBILENET, *HEAD)
