"""Imports UPerNet of segmentation_models.pytorch on ResNet as `upernet_resnet*`.

Create the network of jaxseg with `variant="smp"`. segmentation_models.pytorch numbers
the decoder's convolutions from the coarsest level to the finest one, but its input
normalizations from the finest level to the coarsest one.
"""

from jaxseg.weights.catalog.maps.torchvision_resnet import BACKBONE
from jaxseg.weights.translate.rules import (
    Rules,
    conv,
    conv_norm,
    layer_norm,
    prefixed,
)


def _module(src: str, dst: str) -> Rules:
    """Returns the rules that import a `Conv2dReLU`, a convolution with batch norm."""
    return conv_norm(rf"decoder\.{src}\.0", rf"decoder\.{src}\.1", f"head/{dst}")


HEADS = (
    *(
        rule
        for i, level in enumerate(("c2", "c3", "c4", "c5"))
        for rule in layer_norm(rf"decoder\.feature_norms\.{i}", f"head/norm_{level}")
    ),
    *(
        rule
        for i, bins in enumerate((1, 2, 3, 6))
        for rule in _module(rf"psp\.blocks\.{i}\.1", f"pyramid/bin{bins}")
    ),
    *_module(r"psp\.out_conv", "pyramid_fuse"),
    *(
        rule
        for i, level in enumerate(("c4", "c3", "c2"))
        for rule in (
            *_module(rf"fpn_lateral_blocks\.{i}\.conv_norm_relu", f"lateral_{level}"),
            *_module(rf"fpn_conv_blocks\.{i}", f"smooth_{level}"),
        )
    ),
    *_module("fusion_block", "fuse"),
    *conv(r"segmentation_head\.0", "head/classifier/conv"),
)
MAP = (*prefixed(BACKBONE, src=r"encoder\.", dst="backbone/"), *HEADS)
