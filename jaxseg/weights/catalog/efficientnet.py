"""Lists the EfficientNets of several libraries that are imported as backbones."""

from jaxseg.weights.catalog.lookalikes import Lookalike
from jaxseg.weights.catalog.maps import efficientnet_pytorch, timm_efficientnet
from jaxseg.weights.catalog.sources import Source, backbone_row
from jaxseg.weights.translate.model_card import HALF, IMAGENET

_SQUEEZE = "blocks.1.0.se.conv_reduce.weight"
_TIMM = {
    "rules": timm_efficientnet.MAP,
    "library": "timm",
    "options": (("epsilon", 1e-5), ("padding", "symmetric")),
    "lookalikes": (
        Lookalike(
            r"(?<![a-z])tf_efficientnet",
            "TensorFlow's EfficientNet (timm's tf_efficientnet_*)",
            (("epsilon", 1e-3), ("padding", "same")),
        ),
    ),
    "named": r"(?<!tf_)efficientnet_(?:b|lite)\d",
    "example": "unet",
}


def _lukemelas(name: str) -> Source:
    """Returns the row of a network of efficientnet_pytorch or of its Lite variant."""
    counts, squeeze = efficientnet_pytorch.COUNTS[name]
    number, gate = sum(counts), "_blocks.0._se_reduce.weight"
    last, next_one = (f"_blocks.{n}._project_conv.weight" for n in (number - 1, number))
    return backbone_row(
        name,
        rules=efficientnet_pytorch.classifier(counts, squeeze),
        library="efficientnet_pytorch",
        has=("_conv_stem.weight", last, *((gate,) if squeeze else ())),
        lacks=(next_one, *(() if squeeze else (gate,))),
        example="unet",
        backbone=name.split(" ")[0].lower().replace("-", "_"),
        # AdvProp and the Lite networks were trained with values on [-1, 1].
        hints=(("advprop", HALF), ("efficientnet", IMAGENET)) if squeeze else (),
        normalization=IMAGENET if squeeze else HALF,
    )


BACKBONES: tuple[Source, ...] = (
    backbone_row(
        "EfficientNet",
        has=("conv_stem.weight", "blocks.6.0.bn3.weight", _SQUEEZE),
        backbone="efficientnet_b0",
        hints=((".ap_in1k", HALF), ("_ap-", HALF), ("efficientnet", IMAGENET)),
        **_TIMM,
    ),
    backbone_row(
        "EfficientNet-Lite",
        has=(
            "conv_stem.weight",
            "blocks.5.3.conv_pwl.weight",
            "blocks.6.0.bn3.weight",
        ),
        lacks=(_SQUEEZE,),
        backbone="efficientnet_lite0",
        hints=(("tf_efficientnet_lite", HALF), ("efficientnet_lite", IMAGENET)),
        **_TIMM,
    ),
    *map(_lukemelas, efficientnet_pytorch.COUNTS),
)
