"""Imports torchvision's MobileNet v3, large and small.

The layers of block N are `features.N.block.0`, `features.N.block.1` and so on. Only
some blocks have an expansion or squeeze-and-excitation layer, so the numbers differ
between the large and the small network. Each of the two has its own import table.
"""

from jaxseg.weights.translate.rules import Rules, conv, conv_norm, drop, prefixed

# Each entry states whether a block expands and whether it squeezes.
_LARGE = [
    "-",
    "e",
    "e",
    "es",
    "es",
    "es",
    "e",
    "e",
    "e",
    "e",
    "es",
    "es",
    "es",
    "es",
    "es",
]
_SMALL = ["s", "e", "e", "es", "es", "es", "es", "es", "es", "es", "es"]


def backbone(blocks: list[str]) -> Rules:
    """Returns the rules that import the weights of a `MobileNetV3` of torchvision.

    Args:
      blocks: A string for each block. It contains "e" if the block has an expansion
        layer, and "s" if it has a squeeze-and-excitation layer.
    """
    rules = conv_norm(r"features\.0\.0", r"features\.0\.1", "stem")
    for number, parts in enumerate(blocks, start=1):
        names = ["expand"] * ("e" in parts) + ["depthwise"]
        names += ["squeeze"] * ("s" in parts) + ["project"]
        for i, name in enumerate(names):
            place, target = (
                rf"features\.{number}\.block\.{i}\.",
                f"block{number}/{name}",
            )
            if name == "squeeze":
                rules += conv(place + "fc1", f"{target}/reduce")
                rules += conv(place + "fc2", f"{target}/expand")
            else:
                rules += conv_norm(place + "0", place + "1", target)
    last = rf"features\.{len(blocks) + 1}\."
    return (*rules, *conv_norm(last + "0", last + "1", "last"))


BACKBONE_LARGE = backbone(_LARGE)
BACKBONE_SMALL = backbone(_SMALL)
_CLASSIFIER = drop(r"classifier\.(0|3)\.(weight|bias)")
LARGE = (*prefixed(BACKBONE_LARGE, dst="backbone/"), *_CLASSIFIER)
SMALL = (*prefixed(BACKBONE_SMALL, dst="backbone/"), *_CLASSIFIER)
