"""Imports milesial/Pytorch-UNet, with transposed or bilinear upsampling, as `unet`."""

from jaxseg.weights.translate.rules import Rules, conv, conv_norm, conv_transpose


def double_conv(src: str, dst: str) -> Rules:
    """Returns the rules that import a `double_conv` of Pytorch-UNet.

    Its layers 0 and 3 are convolutions, and its layers 1 and 4 are normalizations.
    """
    source = rf"{src}\.double_conv"
    return (
        *conv_norm(rf"{source}\.0", rf"{source}\.1", f"{dst}/conv1"),
        *conv_norm(rf"{source}\.3", rf"{source}\.4", f"{dst}/conv2"),
    )


def _ups() -> Rules:
    rules: Rules = ()
    for number, level in zip((1, 2, 3, 4), (3, 2, 1, 0), strict=True):
        rules += conv_transpose(rf"up{number}\.up", f"trunk/up{level}/up")
        rules += double_conv(rf"up{number}\.conv", f"trunk/up{level}/block")
    return rules


MAP = (
    *double_conv("inc", "trunk/down0"),
    *double_conv(r"down(\d)\.maxpool_conv\.1", r"trunk/down\1"),
    *_ups(),
    *conv(r"outc\.conv", "classifier"),
)
