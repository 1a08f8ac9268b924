"""torchvision's `fcn_resnet50` and `fcn_resnet101`, auxiliary head included."""

from jaxseg.weights.catalog.maps.torchvision_resnet import BACKBONE
from jaxseg.weights.translate.rules import Rules, conv, conv_norm, prefixed


def head(src: str, dst: str) -> Rules:
    """torchvision's `FCNHead`: convolution 0, normalization 1, classifier 4."""
    return (
        *conv_norm(rf"{src}\.0", rf"{src}\.1", f"{dst}/conv"),
        *conv(rf"{src}\.4", f"{dst}/classifier"),
    )


MAP = (
    *prefixed(BACKBONE, src=r"backbone\.", dst="backbone/"),
    *head("classifier", "head"),
    *head("aux_classifier", "aux_head"),
)
