"""DINOv3: vision transformers with rotary positions (arXiv 2508.10104).

They have patches of 16 pixels, a class token, four register tokens, LayerScale and a
final normalization. In place of a learned position embedding, each attention layer
rotates queries and keys by the position of the patch, see `jaxseg.ops.rotary`. The size
"vits16plus" has SwiGLU in place of the MLP.

Differs: in their training, the authors shift and scale the coordinates of the positions
at random. timm leaves this out as well.
"""

from functools import partial

from jaxseg.backbones.backbone import Backbone
from jaxseg.backbones.vit import ViT, vit_pyramid
from jaxseg.nn.block_config import BlockConfig
from jaxseg.text import one_of

PATCH = 16  # The side of a patch in pixels in all published transformers.
SIZES = {  # Name: (layers, channels, attention heads, whether it has SwiGLU).
    "vits16": (12, 384, 6, False),
    "vits16plus": (12, 384, 6, True),
    "vitb16": (12, 768, 12, False),
    "vitl16": (24, 1024, 16, False),
}


def dinov3(
    size: str = "vits16", *, style: BlockConfig = BlockConfig(), **options
) -> ViT:
    """Creates a vision transformer of DINOv3 with the levels c2 to c5.

    Queries, keys and values have no biases, as in timm. In the authors' code, queries
    and values have biases, but timm states that their published values are zero.

    Args:
      size: "vits16", "vits16plus", "vitb16" or "vitl16".
      style: The normalization and the data type of all layers, see `BlockConfig`.
      **options: Options of `vit_pyramid`, such as `taps` and `drop_path`.

    Raises:
      ValueError: If the size is unknown.
    """
    if size not in SIZES:
        raise ValueError(f"size={size!r} is invalid{one_of(size, sorted(SIZES))}")
    depth, width, heads, gated = SIZES[size]
    defaults = {
        "depth": depth,
        "width": width,
        "heads": heads,
        "patch": PATCH,
        "registers": 4,
        "layer_scale": 1e-5,
        "final_norm": True,
        "epsilon": 1e-5,
        "rotary": 100.0,
        "qkv_bias": False,
        "gated": gated,
    }
    return vit_pyramid(style=style, **defaults | options)


ENTRIES: dict[str, Backbone] = {
    f"dinov3_{size}": Backbone(
        partial(dinov3, size),
        levels=tuple((level, PATCH) for level in ("c2", "c3", "c4", "c5")),
        output_strides=(PATCH,),
        weights=("timm",),
        patch=PATCH,
    )
    for size in SIZES
}
