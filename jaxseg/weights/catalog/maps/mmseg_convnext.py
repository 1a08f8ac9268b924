"""Imports ConvNeXt of MMPretrain, which MMSegmentation uses, as `ConvNeXt`."""

from jaxseg.weights.translate.rules import conv, layer_norm, linear, prefixed

_BLOCK, _OURS = r"stages\.(\d+)\.(\d+)", r"stage\1_block\2"
BACKBONE = (
    *conv(r"downsample_layers\.0\.0", "stage0_embed"),
    *layer_norm(r"downsample_layers\.0\.1", "stage0_embed_norm"),
    *layer_norm(r"downsample_layers\.([123])\.0", r"stage\1_embed_norm"),
    *conv(r"downsample_layers\.([123])\.1", r"stage\1_embed"),
    *layer_norm(r"norm(\d)", r"stage\1_norm"),
    (rf"{_BLOCK}\.gamma", f"params/{_OURS}/scale"),
    *conv(rf"{_BLOCK}\.depthwise_conv", f"{_OURS}/depthwise"),
    *layer_norm(rf"{_BLOCK}\.norm", f"{_OURS}/norm"),
    *linear(rf"{_BLOCK}\.pointwise_conv1", f"{_OURS}/mlp_1"),
    *linear(rf"{_BLOCK}\.pointwise_conv2", f"{_OURS}/mlp_2"),
)
TRUNK = prefixed(BACKBONE, src=r"backbone\.", dst="backbone/")
