"""Imports the convolutions of torchvision's AlexNet."""

from jaxseg.weights.translate.rules import conv, drop, prefixed

BACKBONE = tuple(
    rule
    for place, name in ((0, 1), (3, 2), (6, 3), (8, 4), (10, 5))
    for rule in conv(rf"features\.{place}", f"conv{name}")
)
MAP = (*prefixed(BACKBONE, dst="backbone/"), *drop(r"classifier\.\d\.(weight|bias)"))
