"""Imports the UNet-S5-D16 of MMSegmentation with FCN heads as `unet_fcn`."""

from jaxseg.weights.translate.rules import Rules, conv, conv_norm


def block(src: str, dst: str) -> Rules:
    """Returns the rules that import the two convolutions of a `BasicConvBlock`.

    MMSegmentation numbers them 0 and 1, jaxseg 1 and 2.
    """
    rules: Rules = ()
    for i in (0, 1):
        source = rf"{src}\.convs\.{i}"
        rules += conv_norm(rf"{source}\.conv", rf"{source}\.bn", f"{dst}/conv{i + 1}")
    return rules


def head(src: str, dst: str) -> Rules:
    """Returns the rules that import an `FCNHead` with one convolution."""
    source = rf"{src}\.convs\.0"
    return (
        *conv_norm(rf"{source}\.conv", rf"{source}\.bn", f"{dst}/conv"),
        *conv(rf"{src}\.conv_seg", f"{dst}/classifier"),
    )


_UP = r"backbone\.decoder\.(\d)\.upsample\.interp_upsample\.1"
MAP = (
    *block(r"backbone\.encoder\.0\.0", "trunk/down0"),
    *block(r"backbone\.encoder\.(\d)\.1", r"trunk/down\1"),
    *block(r"backbone\.decoder\.(\d)\.conv_block", r"trunk/up\1/block"),
    *conv_norm(rf"{_UP}\.conv", rf"{_UP}\.bn", r"trunk/up\1/up"),
    *head("decode_head", "head"),
    *head("auxiliary_head", "aux_head"),
)
