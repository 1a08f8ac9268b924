"""Imports `xception41`, `xception65` and `xception71` of timm (the aligned networks).

timm numbers all units consecutively (`blocks.N`), and jaxseg numbers them within
each flow (entry, middle and exit).
"""

from jaxseg.weights.translate.rules import Rules, conv, conv_norm, drop, norm, prefixed

_FLOWS = {41: (3, 8, 2), 65: (3, 16, 2), 71: (5, 16, 2)}


def backbone(depth: int) -> Rules:
    """Returns the rules that import the weights of an `Xception` of timm.

    Args:
      depth: The depth: 41, 65 or 71.
    """
    rules = conv_norm(r"stem\.0\.conv", r"stem\.0\.bn", "root1")
    rules += conv_norm(r"stem\.1\.conv", r"stem\.1\.bn", "root2")
    flows = zip(("entry", "middle", "exit"), _FLOWS[depth], strict=True)
    names = [f"{flow}{i}" for flow, count in flows for i in range(1, count + 1)]
    for number, name in enumerate(names):
        unit = rf"blocks\.{number}\."
        stack = unit + r"stack\.conv(\d)\."
        rules += conv_norm(
            unit + r"shortcut\.conv", unit + r"shortcut\.bn", f"{name}/shortcut"
        )
        for short, long in (("dw", "depthwise"), ("pw", "pointwise")):
            rules += conv(stack + f"conv_{short}", rf"{name}/conv\1/{long}")
            rules += norm(stack + f"bn_{short}", rf"{name}/conv\1/{long}_norm")
    return rules


_CLASSIFIER = drop(r"head\.fc\.(weight|bias)")
BACKBONE_41, BACKBONE_65, BACKBONE_71 = backbone(41), backbone(65), backbone(71)
MAP_41 = (*prefixed(BACKBONE_41, dst="backbone/"), *_CLASSIFIER)
MAP_65 = (*prefixed(BACKBONE_65, dst="backbone/"), *_CLASSIFIER)
MAP_71 = (*prefixed(BACKBONE_71, dst="backbone/"), *_CLASSIFIER)
