"""Imports FPN of segmentation_models.pytorch on ResNet as `semantic_fpn_resnet*`.

Create the network of jaxseg with `variant="smp"`.
"""

from jaxseg.weights.catalog.maps.torchvision_resnet import BACKBONE
from jaxseg.weights.translate.rules import conv, layer_norm, prefixed

_BLOCK = r"decoder\.seg_blocks\.{}\.block\.(\d)\.block\."
HEADS = (
    *conv(r"decoder\.p5", "head/lateral_c5"),
    *conv(r"decoder\.p([234])\.skip_conv", r"head/lateral_c\1"),
    *(
        rule
        for i, level in enumerate(("c5", "c4", "c3", "c2"))
        for rule in (
            *conv(_BLOCK.format(i) + "0", rf"head/scale_{level}_\1/conv"),
            *layer_norm(_BLOCK.format(i) + "1", rf"head/scale_{level}_\1/norm"),
        )
    ),
    *conv(r"segmentation_head\.0", "head/classifier/conv"),
)
MAP = (*prefixed(BACKBONE, src=r"encoder\.", dst="backbone/"), *HEADS)
