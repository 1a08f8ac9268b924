"""All of an MMSegmentation network but its trunk, left out."""

from jaxseg.weights.translate.rules import drop

HEADS = drop(r"(decode_head|auxiliary_head|neck)\..*", r"backbone\.ln1\.(weight|bias)")
