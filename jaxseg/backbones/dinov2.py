"""DINOv2: vision transformers with patches of 14 pixels (arXiv 2304.07193).

They are ViTs with LayerScale, whose position embedding is made for 518 x 518 pixels
and is resized bicubically. The networks with registers have four more tokens, which
keep artifacts out of the feature maps (arXiv 2309.16588). All have the final
normalization, which the authors' heads for segmentation read.
"""

from functools import partial

from jaxseg.backbones.backbone import Backbone
from jaxseg.backbones.vit import ViT, vit_pyramid
from jaxseg.nn.block_config import BlockConfig
from jaxseg.text import one_of
from jaxseg.typing import Size

PATCH = 14  # The side of a patch in pixels in all published networks.
SIZES = {  # Name: (layers, channels, attention heads).
    "vits14": (12, 384, 6),
    "vitb14": (12, 768, 12),
    "vitl14": (24, 1024, 16),
}


def dinov2(
    size: str = "vits14",
    *,
    registers: int = 0,
    image_size: Size = (518, 518),
    style: BlockConfig = BlockConfig(),
    **options,
) -> ViT:
    """Creates a vision transformer of DINOv2 with the levels c2 to c5.

    LayerScale begins with 1e-5, as in the authors' code.

    Args:
      size: "vits14", "vitb14" or "vitl14".
      registers: Number of register tokens; 4 in the published networks with registers.
        As in the authors' code, the position embedding is resized with antialiasing if
        there are registers. Otherwise it is resized as if the result had 0.1 more rows
        and columns. The option `resizing` selects another method.
      image_size: Height and width of the images for which the position embedding is
        made, multiples of 14.
      style: The normalization and the data type of all layers, see `BlockConfig`.
      **options: Options of `vit_pyramid`, such as `taps` and `class_position`.

    Raises:
      ValueError: If the size is unknown.
    """
    if size not in SIZES:
        raise ValueError(f"size={size!r} is invalid{one_of(size, sorted(SIZES))}")
    depth, width, heads = SIZES[size]
    defaults = {
        "depth": depth,
        "width": width,
        "heads": heads,
        "patch": PATCH,
        "layer_scale": 1e-5,
        "final_norm": True,
        "resizing": "bicubic_antialias" if registers else "bicubic_offset",
    }
    return vit_pyramid(
        image_size=image_size, registers=registers, style=style, **defaults | options
    )


ENTRIES: dict[str, Backbone] = {
    f"dinov2_{size}{suffix}": Backbone(
        partial(dinov2, size, registers=registers),
        levels=tuple((level, PATCH) for level in ("c2", "c3", "c4", "c5")),
        output_strides=(PATCH,),
        weights=("timm", "facebookresearch/dinov2", "transformers"),
        patch=PATCH,
    )
    for size in SIZES
    for suffix, registers in (("", 0), ("_reg", 4))
}
