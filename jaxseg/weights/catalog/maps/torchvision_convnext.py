"""Imports ConvNeXt of torchvision as `ConvNeXt`, without final norm and classifier.

In torchvision's list `features`, downsampling layers and stages of blocks alternate.
"""

from jaxseg.weights.translate.rules import Rules, conv, drop, layer_norm, linear


def _stage(stage: int) -> Rules:
    """Returns the rules of a stage and of the layers before it."""
    first, block = rf"features\.{2 * stage}", rf"features\.{2 * stage + 1}\.(\d+)"
    ours = rf"stage{stage}_block\1"
    norm, embed = (0, 1) if stage else (1, 0)
    return (
        *layer_norm(rf"{first}\.{norm}", f"stage{stage}_embed_norm"),
        *conv(rf"{first}\.{embed}", f"stage{stage}_embed"),
        (rf"{block}\.layer_scale", f"params/{ours}/scale", "channels"),
        *conv(rf"{block}\.block\.0", f"{ours}/depthwise"),
        *layer_norm(rf"{block}\.block\.2", f"{ours}/norm"),
        *linear(rf"{block}\.block\.3", f"{ours}/mlp_1"),
        *linear(rf"{block}\.block\.5", f"{ours}/mlp_2"),
    )


BACKBONE = (
    *(rule for stage in range(4) for rule in _stage(stage)),
    *drop(r"classifier\.(0|2)\.(weight|bias)"),
)
