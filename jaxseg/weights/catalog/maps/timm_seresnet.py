"""Imports SE-ResNet-50 and -101 of timm as `SEResNet`, without the classifier."""

from jaxseg.weights.catalog.maps.torchvision_resnet import SHORTCUT, STAGES
from jaxseg.weights.translate.rules import conv, conv_norm, drop

_GATE = r"layer(\d)\.(\d+)\.se"
BACKBONE = (
    *conv_norm("conv1", "bn1", "stem"),
    *STAGES,
    *SHORTCUT,
    *conv(rf"{_GATE}\.fc1", r"layer\1_\2/gate/squeeze"),
    *conv(rf"{_GATE}\.fc2", r"layer\1_\2/gate/excite"),
    *drop(r"fc\.(weight|bias)"),
)
