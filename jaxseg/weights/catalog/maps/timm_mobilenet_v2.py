"""Imports `mobilenetv2_100` of timm, including its last 1x1 convolution `conv_head`.

timm numbers blocks within each stage (`blocks.S.I`), and jaxseg numbers them
consecutively over all stages.
"""

from jaxseg.weights.translate.rules import Rules, conv_norm, drop, prefixed

_COUNTS = (1, 2, 3, 4, 3, 3, 1)  # Blocks per stage.


def _blocks() -> Rules:
    rules = conv_norm(
        r"blocks\.0\.0\.conv_dw", r"blocks\.0\.0\.bn1", "block1/depthwise"
    )
    rules += conv_norm(r"blocks\.0\.0\.conv_pw", r"blocks\.0\.0\.bn2", "block1/project")
    number = 1
    for stage, count in enumerate(_COUNTS[1:], start=1):
        for i in range(count):
            number += 1
            place = rf"blocks\.{stage}\.{i}\."
            for conv, norm, name in (
                ("conv_pw", "bn1", "expand"),
                ("conv_dw", "bn2", "depthwise"),
                ("conv_pwl", "bn3", "project"),
            ):
                rules += conv_norm(place + conv, place + norm, f"block{number}/{name}")
    return rules


TRUNK = (*conv_norm("conv_stem", "bn1", "stem"), *_blocks())
BACKBONE = (*TRUNK, *conv_norm("conv_head", "bn2", "last"))
MAP = (
    *prefixed(TRUNK, dst="backbone/"),
    *drop(
        r"conv_head\.weight",
        r"bn2\.(weight|bias|running_mean|running_var|num_batches_tracked)",
        r"classifier\.(weight|bias)",
    ),
)
