"""Imports `fcn_resnet50` and `fcn_resnet101` of torchvision with auxiliary head."""

from jaxseg.weights.catalog.maps.torchvision_resnet import BACKBONE
from jaxseg.weights.translate.rules import Rules, conv, conv_norm, prefixed


def head(src: str, dst: str) -> Rules:
    """Returns the rules that import the weights of torchvision's `FCNHead`.

    Its layer 0 is a convolution, layer 1 a normalization and layer 4 the classifier.
    """
    return (
        *conv_norm(rf"{src}\.0", rf"{src}\.1", f"{dst}/conv"),
        *conv(rf"{src}\.4", f"{dst}/classifier"),
    )


MAP = (
    *prefixed(BACKBONE, src=r"backbone\.", dst="backbone/"),
    *head("classifier", "head"),
    *head("aux_classifier", "aux_head"),
)
