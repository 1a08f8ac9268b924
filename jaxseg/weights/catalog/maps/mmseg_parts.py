"""Defines import rules that leave out the heads of MMSegmentation networks."""

from jaxseg.weights.translate.rules import drop

HEADS = drop(r"(decode_head|auxiliary_head|neck)\..*", r"backbone\.ln1\.(weight|bias)")
