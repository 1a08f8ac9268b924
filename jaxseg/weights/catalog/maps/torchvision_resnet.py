"""Imports ResNet-18 to -152 of torchvision, and those of timm with the same 7x7 stem.

`BACKBONE` maps tensors to a single `ResNet`, and `MAP` to the backbone of a whole
network. The classifier is skipped.
"""

from jaxseg.weights.translate.rules import conv_norm, drop, prefixed

STAGES = (
    *conv_norm(
        r"layer(\d)\.(\d+)\.conv(\d)",
        r"layer(\d)\.(\d+)\.bn(\d)",
        r"layer\1_\2/conv\3",
    ),
)
SHORTCUT = conv_norm(
    r"layer(\d)\.(\d+)\.downsample\.0",
    r"layer(\d)\.(\d+)\.downsample\.1",
    r"layer\1_\2/downsample/proj",
)
SHORTCUT_D = conv_norm(  # It follows an average pooling.
    r"layer(\d)\.(\d+)\.downsample\.1",
    r"layer(\d)\.(\d+)\.downsample\.2",
    r"layer\1_\2/downsample/proj",
)
BACKBONE = (*conv_norm("conv1", "bn1", "stem/conv1"), *STAGES, *SHORTCUT)
MAP = (*prefixed(BACKBONE, dst="backbone/"), *drop(r"fc\.weight", r"fc\.bias"))
