"""Imports `lraspp_mobilenet_v3_large` of torchvision.

The network of jaxseg is `lraspp_mobilenetv3(eager_rate=True)`.
"""

from jaxseg.weights.catalog.maps.torchvision_deeplabv3 import MOBILENET
from jaxseg.weights.translate.rules import conv, conv_norm

MAP = (
    *MOBILENET,
    *conv_norm(r"classifier\.cbr\.0", r"classifier\.cbr\.1", "head/conv"),
    *conv(r"classifier\.scale\.1", "head/gate"),
    *conv(r"classifier\.low_classifier", "head/low_score"),
    *conv(r"classifier\.high_classifier", "head/score"),
)
