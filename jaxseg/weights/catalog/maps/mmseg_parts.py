"""Defines the rules that omit all tensors of an MMSegmentation network except those of
its backbone.
"""

from jaxseg.weights.translate.rules import drop

HEADS = drop(r"(decode_head|auxiliary_head|neck)\..*", r"backbone\.ln1\.(weight|bias)")
