"""MMSegmentation's ``ResNetV1c`` trunk, as it lies in a checkpoint.

``BACKBONE`` starts at ``backbone.`` in the source and a bare ``ResNet`` here;
``MAP`` is the backbone of a whole network.
"""

from jaxseg.weights.maps import torchvision_resnet as tv
from jaxseg.weights.rules import conv_norm, prefixed

STEM = (
    *conv_norm(r"stem\.0", r"stem\.1", "stem/conv1"),
    *conv_norm(r"stem\.3", r"stem\.4", "stem/conv2"),
    *conv_norm(r"stem\.6", r"stem\.7", "stem/conv3"),
)
BACKBONE = prefixed((*STEM, *tv.STAGES, *tv.SHORTCUT), src=r"backbone\.")
MAP = prefixed(BACKBONE, dst="backbone/")
