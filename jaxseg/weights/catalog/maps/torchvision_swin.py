"""Imports Swin of torchvision as `Swin`, without final norm and classifier.

In torchvision's list `features`, downsampling layers and stages of blocks alternate.
"""

from jaxseg.weights.translate.rules import Rules, conv, drop, layer_norm, linear


def _stage(stage: int) -> Rules:
    """Returns the rules of a stage and of the merging of pixels before it."""
    first, block = rf"features\.{2 * stage}", rf"features\.{2 * stage + 1}\.(\d+)"
    ours = rf"stage{stage}_block\1"
    return (
        *layer_norm(rf"{first}\.norm", f"stage{stage}_embed_norm"),
        *linear(rf"{first}\.reduction", f"stage{stage}_embed"),
        *layer_norm(rf"{block}\.norm1", f"{ours}/norm_1"),
        *layer_norm(rf"{block}\.norm2", f"{ours}/norm_2"),
        (
            rf"{block}\.attn\.relative_position_bias_table",
            f"params/{ours}/attention/position_bias",
            "identity",
        ),
        *linear(rf"{block}\.attn\.qkv", f"{ours}/attention/qkv"),
        *linear(rf"{block}\.attn\.proj", f"{ours}/attention/out"),
        *linear(rf"{block}\.mlp\.0", f"{ours}/mlp_1"),
        *linear(rf"{block}\.mlp\.3", f"{ours}/mlp_2"),
        *drop(rf"{block}\.attn\.relative_position_index"),
    )


BACKBONE = (
    *conv(r"features\.0\.0", "stage0_embed"),
    *layer_norm(r"features\.0\.2", "stage0_embed_norm"),
    *(rule for stage in range(4) for rule in _stage(stage)),
    *drop(r"(norm|head)\.(weight|bias)"),
)
