"""Imports the DANet of MMSegmentation as `danet`.

Create the network of jaxseg with `variant="release"` and `align_corners=False`. The
second auxiliary head of MMSegmentation is not imported.
"""

from jaxseg.weights.catalog.maps import mmseg_resnet
from jaxseg.weights.translate.rules import Rules, conv, conv_norm, drop


def _branch(letter: str, name: str) -> Rules:
    rules: Rules = ()
    for side in ("in", "out"):
        source = rf"decode_head\.{letter}am_{side}_conv"
        dst = f"head/{name}_{side}"
        rules += conv_norm(rf"{source}\.conv", rf"{source}\.bn", dst)
    return (
        *rules,
        *conv(rf"decode_head\.{letter}am_conv_seg", f"head/{name}_classifier/conv"),
        (
            rf"decode_head\.{letter}am\.gamma\.scale",
            f"params/head/{name}_attention/gamma",
        ),
    )


_PAM = r"decode_head\.pam"
MAP = (
    *mmseg_resnet.MAP,
    *_branch("p", "position"),
    *_branch("c", "channel"),
    *conv(rf"{_PAM}\.query_project", "head/position_attention/query"),
    *conv(rf"{_PAM}\.key_project", "head/position_attention/key"),
    *conv(rf"{_PAM}\.value_project", "head/position_attention/value"),
    *conv(r"decode_head\.conv_seg", "head/fused_classifier/conv"),
    *drop(r"auxiliary_head\..*"),
)
