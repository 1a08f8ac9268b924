"""Lists the networks of segmentation_models.pytorch on EfficientNet encoders."""

import re
from collections.abc import Iterator
from functools import partial
from typing import Any

from jaxseg.weights.catalog.maps import (
    efficientnet_pytorch,
    smp_deeplab,
    smp_efficientnet,
    smp_unet,
)
from jaxseg.weights.catalog.smp_options import (
    NEAREST,
    PLUS,
    PLUS_UNSEEN,
    PRESENCE_UNSEEN,
    aspp_options,
    unet_options,
)
from jaxseg.weights.catalog.smp_peer import network_row
from jaxseg.weights.catalog.sources import Source, SourceNetwork
from jaxseg.weights.translate.rules import Rules

# efficientnet_pytorch pads images of all sizes as it pads images of this side.
_SIDES = {0: 224, 1: 240, 2: 260, 3: 300, 4: 380, 5: 456, 6: 528, 7: 600}
_PLAIN = {"stem_level": True, "epsilon": 1e-5, "padding": "symmetric"}
_BLOCKS = {  # The number of blocks of the sixth stage of each size.
    **{"b0": 4, "b1": 5, "b2": 5, "b3": 6, "b4": 8, "b5": 9, "b6": 11, "b7": 13},
    **{"lite0": 4, "lite1": 5, "lite2": 5, "lite3": 6, "lite4": 8},
}
_GATE = "encoder.blocks.1.0.se.conv_reduce.weight"


def _network(
    head: str,
    encoder: str,
    inner: dict[str, Any],
    stages: tuple[str, ...],
    **marks: Any,
) -> SourceNetwork:
    """Returns a network with a head on an encoder.

    Args:
      head: The name of the class in segmentation_models.pytorch: "Unet",
        "UnetPlusPlus" or "DeepLabV3Plus".
      encoder: The name of the encoder there.
      inner: The options of the backbone.
      stages: The names of convolutions whose outputs have as many channels as c3 and
        c4.
      **marks: The attributes `has` and `lacks`.
    """
    plus = head == "DeepLabV3Plus"
    inner = {**inner, "eager_rate": True} if plus else inner
    return SourceNetwork(
        head.lower(),
        (*(PLUS if plus else ()), ("backbone_options", inner)),
        factory=head,
        peer=(("encoder_name", encoder),),
        unseen=PLUS_UNSEEN if plus else (),
        unseen_with=PRESENCE_UNSEEN,
        shown=partial(aspp_options, stages=stages) if plus else unet_options,
        backbone=f"efficientnet_{re.split('[-_]', encoder)[-1]}",
        **marks,
    )


def _lukemelas(
    head: str, title: str, stages: tuple[str, ...]
) -> Iterator[SourceNetwork]:
    """Yields the networks of a row of `efficientnet_pytorch.COUNTS`."""
    for number in re.findall(r"B(\d)", title):
        inner = {"stem_level": True, "padding": _SIDES[int(number)]}
        if number == "0":
            inner["early_c4"] = True
        yield _network(head, f"efficientnet-b{number}", inner, stages)


def _timm(head: str) -> Iterator[SourceNetwork]:
    """Yields the networks on all encoders with the names of timm."""
    for size, blocks in _BLOCKS.items():
        lite = size.startswith("lite")
        last, next_one = (
            f"encoder.blocks.5.{n}.conv_pwl.weight" for n in (blocks - 1, blocks)
        )
        yield _network(
            head,
            f"timm-{'tf_efficientnet_' if lite else 'efficientnet-'}{size}",
            dict(_PLAIN),
            tuple(f"encoder.blocks.{n}.0.conv_pwl.weight" for n in (2, 4)),
            has=(last,) if lite else (last, _GATE),
            lacks=(next_one, _GATE) if lite else (next_one,),
        )


_HEADS: tuple[tuple[str, Rules, str, str], ...] = (
    ("Unet", smp_unet.HEAD, "decoder.blocks.2.conv2.0.weight", NEAREST),
    (
        *("UnetPlusPlus", smp_unet.HEAD_PLUS_PLUS),
        *("decoder.blocks.x_0_0.conv2.0.weight", NEAREST),
    ),
    (
        *("DeepLabV3Plus", smp_deeplab.HEAD_V3PLUS),
        *("decoder.aspp.0.convs.1.0.0.weight", ""),
    ),
)


def _rows() -> Iterator[Source]:
    for head, rules, key, assumed in _HEADS:
        yield network_row(
            f"{head} on EfficientNet of timm",
            rules=(*smp_efficientnet.TIMM, *rules),
            has=("encoder.conv_stem.weight", "encoder.blocks.6.0.bn3.weight", key),
            networks=tuple(_timm(head)),
            assumed=assumed,
        )
        for title, (counts, squeeze) in efficientnet_pytorch.COUNTS.items():
            if not squeeze:
                continue  # There are no such encoders of Lite networks.
            places = (sum(counts) - 1, sum(counts), sum(counts[:2]), sum(counts[:4]))
            last, next_one, *stages = (
                f"encoder._blocks.{n}._project_conv.weight" for n in places
            )
            yield network_row(
                f"{head} on {title}",
                rules=(*smp_efficientnet.lukemelas(counts), *rules),
                has=("encoder._conv_stem.weight", last, key),
                lacks=(next_one,),
                networks=tuple(_lukemelas(head, title, tuple(stages))),
                assumed=assumed,
            )


NETWORKS: tuple[Source, ...] = tuple(_rows())
