"""Imports ConvNeXt of timm as `ConvNeXt`, without final norm and classifier."""

from jaxseg.weights.translate.rules import Rules, conv, drop, layer_norm, linear

_OURS = r"stage\1_block\2"


def trunk(mark: str) -> Rules:
    """Returns the rules that import the stem and the stages.

    Args:
      mark: The regular expression of the character between "stem" or "stages" and the
        number: a dot, or an underscore in networks with `features_only=True`.
    """
    stage, block = rf"stages{mark}(\d+)", rf"stages{mark}(\d+)\.blocks\.(\d+)"
    return (
        *conv(rf"stem{mark}0", "stage0_embed"),
        *layer_norm(rf"stem{mark}1", "stage0_embed_norm"),
        *layer_norm(rf"{stage}\.downsample\.0", r"stage\1_embed_norm"),
        *conv(rf"{stage}\.downsample\.1", r"stage\1_embed"),
        (rf"{block}\.gamma", f"params/{_OURS}/scale"),
        *conv(rf"{block}\.conv_dw", f"{_OURS}/depthwise"),
        *layer_norm(rf"{block}\.norm", f"{_OURS}/norm"),
        *linear(rf"{block}\.mlp\.fc1", f"{_OURS}/mlp_1"),
        *linear(rf"{block}\.mlp\.fc2", f"{_OURS}/mlp_2"),
    )


BACKBONE = (
    *trunk(r"\."),
    *drop(r"(norm_pre|head\.norm|head\.pre_logits\.fc|head\.fc)\.(weight|bias)"),
)
