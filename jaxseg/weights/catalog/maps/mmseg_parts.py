"""Defines a rule that skips all tensors of MMSegmentation networks but the backbone."""

from jaxseg.weights.translate.rules import drop

HEADS = drop(r"(decode_head|auxiliary_head|neck)\..*", r"backbone\.ln1\.(weight|bias)")
