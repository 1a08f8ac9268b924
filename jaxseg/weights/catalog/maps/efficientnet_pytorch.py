"""Imports B0 to B7 of efficientnet_pytorch and Lite0 to Lite4 of its Lite variant.

These packages (github.com/lukemelas/EfficientNet-PyTorch and its variant with the Lite
networks) number the blocks consecutively, and jaxseg numbers them within each stage.
The tables therefore depend on the number of blocks. The encoders `efficientnet-b*` of
segmentation_models.pytorch have the same names.
"""

from jaxseg.weights.translate.rules import Rules, conv, conv_norm, drop, prefixed

COUNTS = {  # Name: (blocks of each stage, whether they have squeeze-and-excitation).
    "EfficientNet-B0": ((1, 2, 2, 3, 3, 4, 1), True),
    "EfficientNet-B1 or B2": ((2, 3, 3, 4, 4, 5, 2), True),
    "EfficientNet-B3": ((2, 3, 3, 5, 5, 6, 2), True),
    "EfficientNet-B4": ((2, 4, 4, 6, 6, 8, 2), True),
    "EfficientNet-B5": ((3, 5, 5, 7, 7, 9, 3), True),
    "EfficientNet-B6": ((3, 6, 6, 8, 8, 11, 3), True),
    "EfficientNet-B7": ((4, 7, 7, 10, 10, 13, 4), True),
    "EfficientNet-Lite0": ((1, 2, 2, 3, 3, 4, 1), False),
    "EfficientNet-Lite1 or Lite2": ((1, 3, 3, 4, 4, 5, 1), False),
    "EfficientNet-Lite3": ((1, 3, 3, 5, 5, 6, 1), False),
    "EfficientNet-Lite4": ((1, 4, 4, 6, 6, 8, 1), False),
}
_LAYERS = (
    ("_expand_conv", "_bn0", "expand"),
    ("_depthwise_conv", "_bn1", "depthwise"),
    ("_project_conv", "_bn2", "project"),
)


def trunk(counts: tuple[int, ...], squeeze: bool) -> Rules:
    """Returns the rules that import the stem and the blocks of an `EfficientNet`.

    Args:
      counts: The number of blocks of each stage.
      squeeze: Whether the blocks have squeeze-and-excitation.
    """
    rules = conv_norm("_conv_stem", "_bn0", "stem")
    places = [(stage, i) for stage, count in enumerate(counts) for i in range(count)]
    for number, (stage, i) in enumerate(places):
        place, target = rf"_blocks\.{number}\.", f"stage{stage}_block{i}"
        for source, norm, name in _LAYERS:
            rules += conv_norm(place + source, place + norm, f"{target}/{name}")
        if squeeze:
            rules += conv(f"{place}_se_reduce", f"{target}/squeeze/reduce")
            rules += conv(f"{place}_se_expand", f"{target}/squeeze/expand")
    return rules


LAST = conv_norm("_conv_head", "_bn1", "last")
CLASSIFIER = drop(r"_fc\.(weight|bias)")


def classifier(counts: tuple[int, ...], squeeze: bool) -> Rules:
    """Returns the rules that import only the backbone of an ImageNet classifier.

    Args:
      counts: The number of blocks of each stage.
      squeeze: Whether the blocks have squeeze-and-excitation.
    """
    return (
        *prefixed(trunk(counts, squeeze), dst="backbone/"),
        *drop(
            r"_conv_head\.weight",
            r"_bn1\.(weight|bias|running_mean|running_var|num_batches_tracked)",
        ),
        *CLASSIFIER,
    )
