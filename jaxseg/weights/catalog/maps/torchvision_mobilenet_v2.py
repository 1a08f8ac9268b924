"""Imports torchvision's MobileNet v2.

`features.N` is block N, and `features.18` is the last 1x1 convolution. Segmentation
networks of jaxseg do not use that convolution, so `MAP` leaves it out and
`BACKBONE` contains it.
"""

from jaxseg.weights.translate.rules import conv_norm, drop, prefixed

TRUNK = (
    *conv_norm(r"features\.0\.0", r"features\.0\.1", "stem"),
    *conv_norm(
        r"features\.1\.conv\.0\.0", r"features\.1\.conv\.0\.1", "block1/depthwise"
    ),
    *conv_norm(r"features\.1\.conv\.1", r"features\.1\.conv\.2", "block1/project"),
    *conv_norm(
        r"features\.(\d+)\.conv\.0\.0",
        r"features\.(\d+)\.conv\.0\.1",
        r"block\1/expand",
    ),
    *conv_norm(
        r"features\.(\d+)\.conv\.1\.0",
        r"features\.(\d+)\.conv\.1\.1",
        r"block\1/depthwise",
    ),
    *conv_norm(
        r"features\.(\d+)\.conv\.2", r"features\.(\d+)\.conv\.3", r"block\1/project"
    ),
)
BACKBONE = (*TRUNK, *conv_norm(r"features\.18\.0", r"features\.18\.1", "last"))
MAP = (
    *prefixed(TRUNK, dst="backbone/"),
    *drop(
        r"features\.18\.0\.weight",
        r"features\.18\.1\.(weight|bias|running_mean|running_var|num_batches_tracked)",
        r"classifier\.1\.(weight|bias)",
    ),
)
