"""Imports DPT of MMSegmentation as `dpt_vitb16` with variant "mmseg"."""

from jaxseg.weights.catalog.maps import mmseg_setr
from jaxseg.weights.translate.rules import (
    Rules,
    conv,
    conv_norm,
    conv_transpose,
    linear,
    norm,
)

_HEAD, _PARTS = r"decode_head\.", r"decode_head\.reassemble_blocks\."


def _level(index: int) -> Rules:
    """Returns the rules of a level. MMSegmentation numbers fusions from c5 to c2."""
    level = f"c{index + 2}"
    block, ours = rf"{_HEAD}fusion_blocks\.{3 - index}", f"head/fuse_{level}"
    units = tuple(
        rule
        for unit in ((1, 2) if index < 3 else (2,))
        for k in (1, 2)
        for rule in (
            *conv(
                rf"{block}\.res_conv_unit{unit}\.conv{k}\.conv",
                f"{ours}/unit{unit}/conv{k}",
            ),
            *norm(
                rf"{block}\.res_conv_unit{unit}\.conv{k}\.bn",
                f"{ours}/unit{unit}/norm{k}",
            ),
        )
    )
    resize = conv if index == 3 else conv_transpose
    return (
        *linear(rf"{_PARTS}readout_projects\.{index}\.0", f"head/readout_{level}"),
        *conv(rf"{_PARTS}projects\.{index}\.conv", f"head/project_{level}"),
        *resize(rf"{_PARTS}resize_layers\.{index}", f"head/resize_{level}"),
        *conv(rf"{_HEAD}convs\.{index}\.conv", f"head/reduce_{level}"),
        *units,
        *conv(rf"{block}\.project\.conv", f"{ours}/project"),
    )


MAP = (
    *mmseg_setr.TRUNK,
    *_level(0),
    *_level(1),
    *_level(2),
    *_level(3),
    *conv_norm(rf"{_HEAD}project\.conv", rf"{_HEAD}project\.bn", "head/head/conv"),
    *conv(rf"{_HEAD}conv_seg", "head/head/classifier/conv"),
)
