"""Lists the families of networks by name, and combines a family with a backbone.

A new family is a file in this folder and one entry here. `python -m
jaxseg.lab.family_table` then adds it to the table that `jaxseg models` prints.

These networks belong to no family, because their decoder reads more than the levels of
a pyramid or is not separable from one encoder:

- SegNet and DeconvNet read the positions of the maxima of VGG's poolings.
- FCN-32s, -16s and -8s contain VGG's fully connected layers and pad the image by 100.
- DeepLab v1 with early predictions (MSc) reads the image and the poolings of its VGG.
- U-Net, its variants and FC-DenseNet define encoder and decoder together.
- DRN, SPN and ReSeg have layers after the backbone that are designed only for the
  backbone of their paper.
- pix2pix, the Probabilistic U-Net and the Point Transformer have inputs or training
  steps of their own.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

from flax import linen as nn

from jaxseg.backbones.backbone import Backbone
from jaxseg.backbones.catalog import BACKBONES
from jaxseg.backbones.multilevel import is_plain, with_neck
from jaxseg.models.bisenet import bisenet_on
from jaxseg.models.cspn import cspn_on
from jaxseg.models.danet import danet
from jaxseg.models.deeplabv1 import deeplabv1
from jaxseg.models.deeplabv2 import deeplabv2
from jaxseg.models.deeplabv3 import deeplabv3, deeplabv3_cascade, lraspp
from jaxseg.models.deeplabv3plus import deeplabv3plus
from jaxseg.models.denseaspp import denseaspp
from jaxseg.models.dpt import dpt
from jaxseg.models.duc import duc
from jaxseg.models.encnet import encnet
from jaxseg.models.family import Family
from jaxseg.models.fastfcn import fastfcn
from jaxseg.models.fcn_resnet import fcn
from jaxseg.models.gcu import gcu
from jaxseg.models.ginet import ginet
from jaxseg.models.glore import glore
from jaxseg.models.gscnn import gscnn_on
from jaxseg.models.hrnet import hrnetv2
from jaxseg.models.linear import linear
from jaxseg.models.mask2former import mask2former
from jaxseg.models.neck_option import SHOWN, backbone_record, listed
from jaxseg.models.nonlocal_net import nonlocal_net
from jaxseg.models.ocrnet import hrnetv2_ocr, ocrnet
from jaxseg.models.pspnet import pspnet
from jaxseg.models.refinenet import refinenet
from jaxseg.models.se_fcn import se_fcn_on
from jaxseg.models.segformer import segformer
from jaxseg.models.semantic_fpn import semantic_fpn
from jaxseg.models.setr import setr_mla_on, setr_on
from jaxseg.models.unet_plus_plus import unet_plus_plus
from jaxseg.models.unet_resnet import unet_encoder
from jaxseg.models.unknown_option import OF_FAMILIES, naming_options
from jaxseg.models.upernet import upernet
from jaxseg.nn.block_config import BlockConfig
from jaxseg.text import similar

_LAST = (("c5", 32),)
_LAST_TWO = (("c4", 32), ("c5", 32))  # An auxiliary head reads c4.
_LAST_THREE = (("c3", 8), ("c4", 16), ("c5", 32))
_LAST_FOUR = (("c2", 4), *_LAST_THREE)
_ALL_FIVE = (("c1", 2), *_LAST_FOUR)
_PLAIN = tuple((level, 16) for level in ("c2", "c3", "c4", "c5"))

FAMILIES: dict[str, Family] = {
    "bisenet": Family(bisenet_on, _LAST_THREE, 32, pads=False),
    "cspn": Family(cspn_on, _ALL_FIVE, 32, exact=True),
    "danet": Family(danet, _LAST),
    "deeplabv1": Family(deeplabv1, _LAST, scales_rates=True),
    "deeplabv2": Family(deeplabv2, _LAST, pads=False, scales_rates=True),
    "deeplabv3": Family(deeplabv3, _LAST_TWO, scales_rates=True),
    "deeplabv3_cascade": Family(deeplabv3_cascade, _LAST, 16, scales_rates=True),
    "deeplabv3plus": Family(
        deeplabv3plus, (("c2", 4), *_LAST_TWO), 16, scales_rates=True
    ),
    "denseaspp": Family(denseaspp, _LAST),
    "dpt": Family(dpt, _PLAIN, 16, equal=True),
    "duc": Family(duc, _LAST),
    "encnet": Family(encnet, _LAST_TWO),
    "fastfcn": Family(fastfcn, _LAST_THREE, 32),
    "fcn": Family(fcn, _LAST_TWO),
    "gcu": Family(gcu, _LAST_TWO),
    "ginet": Family(ginet, _LAST_THREE, 32),
    "glore": Family(glore, _LAST_TWO),
    "gscnn": Family(
        gscnn_on, (("c0", 1), ("c1", 2), ("c2", 4), ("c3", 8), ("c6", 8)), pads=False
    ),
    "hrnetv2": Family(hrnetv2, _LAST_FOUR, 32),
    "hrnetv2_ocr": Family(hrnetv2_ocr, _LAST_FOUR, 32),
    "linear": Family(linear, _LAST, 32),
    "lraspp": Family(lraspp, (("c3", 8), *_LAST), 16),
    "mask2former": Family(mask2former, _LAST_FOUR, 32),
    "nonlocal": Family(nonlocal_net, _LAST_TWO),
    "ocrnet": Family(ocrnet, _LAST_TWO),
    "pspnet": Family(pspnet, _LAST_TWO),
    "refinenet": Family(refinenet, _LAST_FOUR, 32),
    "se_fcn": Family(se_fcn_on, _LAST_TWO),
    "segformer": Family(segformer, _LAST_FOUR, 32),
    "semantic_fpn": Family(semantic_fpn, _LAST_FOUR, 32),
    "setr_mla": Family(setr_mla_on, _PLAIN, 16, equal=True),
    "setr_naive": Family(partial(setr_on, decoder="naive"), _LAST, 16),
    "setr_pup": Family(partial(setr_on, decoder="pup"), _LAST, 16),
    "unet": Family(unet_encoder, _LAST_FOUR, 32, exact=True),
    "unetplusplus": Family(unet_plus_plus, _ALL_FIVE, 32, exact=True),
    "upernet": Family(upernet, _LAST_FOUR, 32),
}


def backbones_for(family: str, output_stride: int | None = None) -> list[str]:
    """Returns the sorted names of the backbones with which a family can be combined.

    >>> "hrnet_w18" in backbones_for("deeplabv3plus")
    True

    Args:
      family: A name of `FAMILIES`.
      output_stride: The output stride that the backbones must support; None takes the
        default of the family.
    """
    head = FAMILIES[family]
    return sorted(
        name
        for name, backbone in BACKBONES.items()
        if (output_stride is None or output_stride in backbone.output_strides)
        and not head.misfit(backbone, output_stride)
    )


def check_pair(
    family: str,
    backbone: str,
    output_stride: int | None = None,
    neck: str | None = None,
) -> None:
    """Raises ValueError unless a backbone has the pyramid levels that a family needs.

    Args:
      family: A name of `FAMILIES`.
      backbone: A name of `BACKBONES`.
      output_stride: The output stride of the backbone; None takes the default of the
        family.
      neck: "multilevel" for a plain transformer with a neck, see `create_pair`, or
        None.
    """
    if backbone not in BACKBONES:
        near = similar(str(backbone), BACKBONES)
        names = near or backbones_for(family)[:SHOWN]
        kind = "Similar names are" if near else "Names are"
        raise ValueError(
            f"backbone={backbone!r} is invalid: expected the name of a backbone. "
            f"{kind} {', '.join(names)}; `jaxseg models --backbones` lists all."
        )
    record = backbone_record(backbone, neck)
    remedy = _neck_remedy(family, backbone, neck, output_stride)
    if output_stride is not None and output_stride not in record.output_strides:
        strides = ", ".join(map(str, record.output_strides))
        necked = f" and neck={neck!r}" if neck is not None else ""
        raise ValueError(
            f"output_stride={output_stride!r} is invalid: expected one of {strides} "
            f"with backbone={backbone!r}{necked}. "
            f"{_fitting(family, output_stride)}{remedy}"
        )
    if lack := FAMILIES[family].misfit(record, output_stride):
        levels = " and ".join(
            f"{name} at stride {s}" for name, s in FAMILIES[family].reads
        )
        raise ValueError(
            f"backbone={backbone!r} is invalid: expected a backbone whose pyramid has "
            f"{levels} for {family}, but found {lack}. "
            f"{_fitting(family, output_stride)}{remedy}"
        )


def create_pair(
    family: str,
    backbone: str,
    num_classes: int,
    *,
    output_stride: int | None = None,
    backbone_options: Mapping[str, Any] | None = None,
    neck: str | None = None,
    neck_features: int | None = None,
    style: BlockConfig = BlockConfig(),
    **options: Any,
) -> nn.Module:
    """Creates the network of a family on a backbone.

    Args:
      family: A name of `FAMILIES`.
      backbone: A name of `BACKBONES`.
      num_classes: Number of classes.
      output_stride: Output stride of the backbone. None takes that of the family if the
        backbone supports it, see `Family.stride_on`.
      backbone_options: Options of the backbone, such as {"width": 32}.
      neck: "multilevel" resizes the levels c2 to c5 of a plain transformer with patches
        of p pixels to the strides p/4, p/2, p and 2p, for families that read levels of
        different strides; see `jaxseg.backbones.multilevel`. None has no neck.
      neck_features: Number of channels of the levels of the neck; None takes the width
        of the transformer.
      style: Settings of normalization and dtype, see `BlockConfig`.
      **options: Options of the family.

    Raises:
      ValueError: If the backbone is unknown or does not have the pyramid levels that
        the family needs, or if an option has a value that is not allowed.
      TypeError: If the family or the backbone does not have an option.
    """
    check_pair(family, backbone, output_stride, neck)
    record, head = backbone_record(backbone, neck, neck_features), FAMILIES[family]
    stride = output_stride or head.stride_on(record)
    inner = backbone_options or {}
    with naming_options(
        backbone, BACKBONES[backbone].factory, inner, within="backbone_options"
    ):
        module = record.create(stride, style=style, **inner)
    fixed = {"output_stride": stride} if head.scales_rates else {}
    compose = partial(head.compose, num_classes, module, style=style, **fixed)
    own = ("output_stride", *OF_FAMILIES)
    with naming_options(family, compose, options, extra=own):
        return compose(**options)


def _fits(family: str, record: Backbone, output_stride: int | None) -> bool:
    known = output_stride is None or output_stride in record.output_strides
    return known and not FAMILIES[family].misfit(record, output_stride)


def _fitting(family: str, output_stride: int | None) -> str:
    """Returns a sentence with the backbones that fit a family at an output stride."""
    if names := backbones_for(family, output_stride):
        stride = f" with output_stride={output_stride}" if output_stride else ""
        return f"Backbones that fit{stride}: {listed(names)}."
    return (
        f"No backbone fits {family} with output_stride={output_stride}. Backbones that "
        f"fit at another one: {listed(backbones_for(family))}."
    )


def _neck_remedy(
    family: str, backbone: str, neck: str | None, output_stride: int | None
) -> str:
    """Returns a sentence that says whether another neck makes a backbone fit, or ""."""
    record = BACKBONES[backbone]
    if neck is None:
        if not is_plain(record):
            return ""
        record, words = with_neck(record), "With neck='multilevel'"
    else:
        words = f"Without neck={neck!r}"
    if _fits(family, record, output_stride):
        return f" {words}, {backbone} fits."
    if _fits(family, record, None):
        stride = FAMILIES[family].stride_on(record)
        return f" {words} and with output_stride={stride}, {backbone} fits."
    return ""
