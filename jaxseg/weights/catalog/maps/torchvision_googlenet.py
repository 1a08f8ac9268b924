"""Imports torchvision's GoogLeNet without its auxiliary classifiers.

torchvision's GoogLeNet has batch normalization, and 3x3 convolutions in place of the
5x5 ones.
"""

from jaxseg.weights.translate.rules import Rules, conv_norm, drop, prefixed


def _unit(src: str, dst: str) -> Rules:
    return conv_norm(rf"{src}\.conv", rf"{src}\.bn", f"{dst}/block")


BACKBONE = (
    *_unit(r"conv(\d)", r"conv\1"),
    *_unit(r"inception(\w+)\.branch1", r"inception\1/branch1"),
    *_unit(r"inception(\w+)\.branch([23])\.0", r"inception\1/branch\2_reduce"),
    *_unit(r"inception(\w+)\.branch([23])\.1", r"inception\1/branch\2"),
    *_unit(r"inception(\w+)\.branch4\.1", r"inception\1/branch4"),
)
MAP = (
    *prefixed(BACKBONE, dst="backbone/"),
    *drop(r"fc\.(weight|bias)", r"aux[12]\..*"),
)
