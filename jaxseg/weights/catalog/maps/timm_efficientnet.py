"""Imports timm's `efficientnet_b*`, `tf_efficientnet_b*` and `*efficientnet_lite*`.

All sizes share one import table. timm numbers stages and blocks as jaxseg does. The
blocks of the first stage have no expansion layer.

For `tf_efficientnet_*`, create the network of jaxseg with its default options. For the
others, create it with `epsilon=1e-5` and `padding="symmetric"`.
"""

from jaxseg.weights.translate.rules import Rules, conv, conv_norm, drop, prefixed

_FIRST = (("conv_dw", "bn1", "depthwise"), ("conv_pw", "bn2", "project"))
_EXPANDED = (
    ("conv_pw", "bn1", "expand"),
    ("conv_dw", "bn2", "depthwise"),
    ("conv_pwl", "bn3", "project"),
)


def _blocks(stage: str, target: str, layers: tuple[tuple[str, str, str], ...]) -> Rules:
    """Returns the rules of the blocks of some stages.

    Args:
      stage: A regular expression for the number of the stage.
      target: The template for the name of a block.
      layers: The name of each convolution and its normalization, here and in jaxseg.
    """
    place = rf"blocks\.{stage}\.(\d+)\."
    rules: Rules = ()
    for source, norm, name in layers:
        rules += conv_norm(place + source, place + norm, f"{target}/{name}")
    for source, name in (("conv_reduce", "reduce"), ("conv_expand", "expand")):
        rules += conv(rf"{place}se\.{source}", f"{target}/squeeze/{name}")
    return rules


TRUNK = (
    *conv_norm("conv_stem", "bn1", "stem"),
    *_blocks("0", r"stage0_block\1", _FIRST),
    *_blocks("([1-6])", r"stage\1_block\2", _EXPANDED),
)
BACKBONE = (*TRUNK, *conv_norm("conv_head", "bn2", "last"))
CLASSIFIER = drop(r"classifier\.(weight|bias)")
MAP = (
    *prefixed(TRUNK, dst="backbone/"),
    *drop(
        r"conv_head\.weight",
        r"bn2\.(weight|bias|running_mean|running_var|num_batches_tracked)",
    ),
    *CLASSIFIER,
)
