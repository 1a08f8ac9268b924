"""Imports VGG-16 and -19 of torchvision and timm, with and without batch norm.

`features.N` counts convolutions, normalizations, ReLUs and poolings together, so each
of the four networks has its own table. The classifier is left out.
"""

from jaxseg.weights.translate.rules import Rules, conv, drop, norm, prefixed

_CONVOLUTIONS = {16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}


def backbone(depth: int, *, batch_norm: bool) -> Rules:
    """Returns the rules that import the weights of a VGG of torchvision.

    Args:
      depth: The depth, 16 or 19.
      batch_norm: Whether the network has batch normalization.
    """
    rules: Rules = ()
    index = 0
    for block, count in enumerate(_CONVOLUTIONS[depth], start=1):
        for i in range(1, count + 1):
            rules += conv(rf"features\.{index}", f"conv{block}_{i}")
            if batch_norm:
                rules += norm(rf"features\.{index + 1}", f"norm{block}_{i}")
            index += 3 if batch_norm else 2
        index += 1
    return rules


_CLASSIFIER = drop(
    r"classifier\.(0|3|6)\.(weight|bias)",
    r"pre_logits\.fc(1|2)\.(weight|bias)",
    r"head\.fc\.(weight|bias)",
)
VGG16 = (*prefixed(backbone(16, batch_norm=False), dst="backbone/"), *_CLASSIFIER)
VGG19 = (*prefixed(backbone(19, batch_norm=False), dst="backbone/"), *_CLASSIFIER)
VGG16_BN = (*prefixed(backbone(16, batch_norm=True), dst="backbone/"), *_CLASSIFIER)
VGG19_BN = (*prefixed(backbone(19, batch_norm=True), dst="backbone/"), *_CLASSIFIER)
