"""Defines rules that import only the backbone of an MMSegmentation network."""

from jaxseg.weights.translate.rules import drop

HEADS = drop(r"(decode_head|auxiliary_head|neck)\..*", r"backbone\.ln1\.(weight|bias)")
