"""Lists the U-Nets of milesial/Pytorch-UNet."""

from jaxseg.weights.catalog.maps import (
    milesial_unet,
)
from jaxseg.weights.catalog.sources import Source, SourceNetwork
from jaxseg.weights.translate.model_card import UNIT

NETWORKS: tuple[Source, ...] = (
    Source(
        "U-Net",
        rules=milesial_unet.MAP,
        library="milesial/Pytorch-UNet",
        has=("inc.double_conv.0.weight", "up1.up.weight", "outc.conv.weight"),
        networks=(SourceNetwork("unet"),),
        normalization=UNIT,
    ),
    Source(
        "U-Net, bilinear",
        rules=milesial_unet.MAP,
        library="milesial/Pytorch-UNet",
        has=("inc.double_conv.0.weight", "outc.conv.weight"),
        lacks=("up1.up.weight",),
        networks=(SourceNetwork("unet", (("up", "bilinear"),)),),
        normalization=UNIT,
    ),
)
