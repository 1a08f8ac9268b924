"""Imports `efficientnet_b0` to `efficientnet_b7` of torchvision as `EfficientNet`.

All sizes share one import table. `features.N` is stage N - 1 of jaxseg, and
`features.8` is the last 1x1 convolution, which is left out. The blocks of the first
stage have no expansion layer.

Create the network of jaxseg with `padding="symmetric"`, and for B0 to B4 also with
`epsilon=1e-5`.
"""

from jaxseg.weights.translate.rules import Rules, conv, conv_norm, drop, prefixed


def _stage(stage: int) -> Rules:
    """Returns the rules of the blocks of a stage."""
    names = ("depthwise", "squeeze", "project")
    names = names if stage == 0 else ("expand", *names)
    rules: Rules = ()
    for index, name in enumerate(names):
        place = rf"features\.{stage + 1}\.(\d+)\.block\.{index}\."
        target = rf"stage{stage}_block\1/{name}"
        if name == "squeeze":
            rules += conv(place + "fc1", f"{target}/reduce")
            rules += conv(place + "fc2", f"{target}/expand")
        else:
            rules += conv_norm(place + "0", place + "1", target)
    return rules


BACKBONE = (
    *conv_norm(r"features\.0\.0", r"features\.0\.1", "stem"),
    *(rule for stage in range(7) for rule in _stage(stage)),
)
MAP = (
    *prefixed(BACKBONE, dst="backbone/"),
    *drop(
        r"features\.8\.0\.weight",
        r"features\.8\.1\.(weight|bias|running_mean|running_var|num_batches_tracked)",
        r"classifier\.1\.(weight|bias)",
    ),
)
