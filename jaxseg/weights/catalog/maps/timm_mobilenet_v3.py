"""Imports `mobilenetv3_large_100` and `mobilenetv3_small_100` of timm.

timm numbers blocks within each stage (`blocks.S.I`), and jaxseg numbers them
consecutively over all stages. In timm, the 1x1 convolution after the last block is a
separate stage, and `conv_head` belongs to the classifier. Create the network of jaxseg
with `epsilon=1e-5`, the epsilon of timm's batch norm.
"""

from jaxseg.weights.translate.rules import Rules, conv, conv_norm, drop, prefixed

_LARGE = (1, 2, 3, 4, 2, 3)  # Blocks per stage.
_SMALL = (1, 2, 3, 2, 3)


def backbone(counts: tuple[int, ...]) -> Rules:
    """Returns the rules that import the weights of a `MobileNetV3` of timm.

    The first block of the network has no expansion layer.

    Args:
      counts: The number of blocks of each stage.
    """
    rules = conv_norm("conv_stem", "bn1", "stem")
    number = 0
    for stage, count in enumerate(counts):
        layers = _EXPANDED if stage else _FIRST
        for i in range(count):
            number += 1
            place, target = rf"blocks\.{stage}\.{i}\.", f"block{number}"
            for source, norm, name in layers:
                rules += conv_norm(place + source, place + norm, f"{target}/{name}")
            for source, name in (("conv_reduce", "reduce"), ("conv_expand", "expand")):
                rules += conv(rf"{place}se\.{source}", f"{target}/squeeze/{name}")
    last = rf"blocks\.{len(counts)}\.0\."
    return (*rules, *conv_norm(last + "conv", last + "bn1", "last"))


_FIRST = (("conv_dw", "bn1", "depthwise"), ("conv_pw", "bn2", "project"))
_EXPANDED = (
    ("conv_pw", "bn1", "expand"),
    ("conv_dw", "bn2", "depthwise"),
    ("conv_pwl", "bn3", "project"),
)
CLASSIFIER = drop(r"(conv_head|classifier)\.(weight|bias)")
BACKBONE_LARGE, BACKBONE_SMALL = backbone(_LARGE), backbone(_SMALL)
LARGE = (*prefixed(BACKBONE_LARGE, dst="backbone/"), *CLASSIFIER)
SMALL = (*prefixed(BACKBONE_SMALL, dst="backbone/"), *CLASSIFIER)
