"""Lists MMSegmentation's networks with one of twelve heads on a dilated ResNet."""

import dataclasses
from collections.abc import Mapping

from jaxseg.weights.catalog.maps import (
    mmseg_danet,
    mmseg_deeplab,
    mmseg_fcn,
    mmseg_fpn,
    mmseg_nonlocal,
    mmseg_ocrnet,
    mmseg_resnet,
    mmseg_resnet_d,
    mmseg_resnet_v1,
    mmseg_upernet,
)
from jaxseg.weights.catalog.mmseg_peer import PEER, config
from jaxseg.weights.catalog.sources import Source, SourceNetwork
from jaxseg.weights.translate.rules import Rules

_ASPP = (
    ("output_stride", 8),
    ("features", 512),
    ("project_kernel", 3),
    ("pool_first", True),
    ("channel_dropout", True),
)
_HALF_PIXEL = ("align_corners", False)
_POOLED = "backbone.layer1.0.downsample.2.weight"  # It follows a pooling in ResNet-v1d.
_STEM = "backbone.stem.0.weight"
_TRUNKS = (  # Name, table, present keys, absent keys, options, MMSegmentation class.
    ("v1c", mmseg_resnet.MAP, (_STEM,), (_POOLED,), (("stem", "c"),), "ResNetV1c"),
    (
        "v1d",
        mmseg_resnet_d.MAP,
        (_STEM, _POOLED),
        (),
        (("stem", "d"), ("dense_pool", "none")),
        "ResNetV1d",
    ),
    (
        "v1b",
        mmseg_resnet_v1.MAP,
        ("backbone.conv1.weight", "backbone.layer4.0.conv1.weight"),
        (),
        (("stem", "7x7"),),
        "ResNet",
    ),
)
_TRUNK_UNSEEN = (
    ("multi_grid", (1, 1, 1)),
    ("eager_rate", False),
    ("stride_in", "conv2"),
)
_ALIGNED = (("align_corners", False),)
_BINS = ("bins", (1, 2, 3, 6))
_STRIDE_UNSEEN = (("output_stride", 8), *_TRUNK_UNSEEN, *_ALIGNED)
_RATES = (("rates", None),)  # None scales the rates with the output stride.
_JPU_UNSEEN = (
    ("output_stride", 32),
    ("stage_rates", (1, 1, 2, 4)),
    ("jpu_rates", (1, 2, 4, 8)),
    *_ALIGNED,
)
_NARROW = {  # Fields of every head on ResNet-18.
    "decode_head.in_channels": 512,
    "decode_head.channels": 128,
    "auxiliary_head.in_channels": 256,
    "auxiliary_head.channels": 64,
}


@dataclasses.dataclass(frozen=True)
class _Head:
    """Describes a head that is used on ResNets of several kinds and depths.

    Attributes:
      name: The name of the row.
      table: The import table of the row.
      model: The name in jaxseg, with `{}` for its depth. Without `{}` the depth
        is an option.
      config: The configuration file of MMSegmentation.
      has: Keys of the head.
      lacks: Keys that the head does not have.
      options: The options of the network of jaxseg.
      aux: The `aux` of `SourceNetwork`.
      unseen: Options that the tensors do not show; see `SourceNetwork`.
      narrow: Options and fields of the network on ResNet-18, or None.
    """

    name: str
    table: Rules
    model: str
    config: str
    has: tuple[str, ...]
    lacks: tuple[str, ...] = ()
    options: tuple[tuple[str, object], ...] = ()
    aux: str = ""
    unseen: tuple[tuple[str, object], ...] = (*_TRUNK_UNSEEN, *_ALIGNED)
    narrow: tuple[Mapping[str, object], Mapping[str, object]] | None = None

    def rows(self) -> tuple[Source, ...]:
        """Returns one row for each kind of backbone."""
        depths = (50, 101) if self.narrow is None else (50, 101, 18)
        return tuple(
            Source(
                f"{self.name} on ResNet-{kind}",
                rules=(*trunk, *self.table),
                library="mmsegmentation",
                has=(*keys, *self.has),
                lacks=(*absent, *self.lacks),
                networks=tuple(self._network(depth, stem, there) for depth in depths),
                peer=PEER,
            )
            for kind, trunk, keys, absent, stem, there in _TRUNKS
        )

    def _network(self, depth: int, stem: tuple, kind: str) -> SourceNetwork:
        options = {**dict(stem), **dict(self.options)}
        fields = {"backbone.type": kind, "backbone.depth": depth}
        if depth == 18:
            options |= {"depth": 18, "second_rate": False, **self.narrow[0]}
            fields |= {**_NARROW, **self.narrow[1]}
        elif "{}" not in self.model:
            options["depth"] = depth
        return SourceNetwork(
            self.model.format(50 if depth == 18 else depth),
            options=tuple(options.items()),
            factory=config(self.config),
            aux=self.aux,
            peer=tuple(fields.items()),
            unseen=self.unseen,
        )


_JPU = "neck.conv_layers.0.0.conv.weight"
_FASTFCN = (_HALF_PIXEL, ("variant", "mmseg"), ("stage_rates", (1, 1, 2, 4)))
_FASTFCN_FILE = "fastfcn/fastfcn_r50-d32_jpu_{}_4xb2-80k_cityscapes-512x1024"
_FEATURES = {"features": 128}
HEADS = (
    _Head(
        "FastFCN-PSP",
        table=mmseg_deeplab.MAP_FASTFCN_PSP,
        model="fastfcn_psp_resnet{}",
        config="fastfcn_r50-d32_jpu_psp",
        has=(_JPU, "decode_head.psp_modules.0.1.conv.weight"),
        options=_FASTFCN,
        unseen=_JPU_UNSEEN,
    ),
    _Head(
        "FastFCN-ASPP",
        table=mmseg_deeplab.MAP_FASTFCN_ASPP,
        model="fastfcn_deeplabv3_resnet{}",
        config=_FASTFCN_FILE.format("aspp"),
        has=(_JPU, "decode_head.aspp_modules.0.conv.weight"),
        options=_FASTFCN,
        unseen=(*_JPU_UNSEEN, ("rates", (12, 24, 36))),
    ),
    _Head(
        "FastFCN-Enc",
        table=mmseg_deeplab.MAP_FASTFCN_ENC,
        model="fastfcn_enc_resnet{}",
        config=_FASTFCN_FILE.format("enc"),
        has=(_JPU, "decode_head.enc_module.encoding.0.codewords"),
        options=_FASTFCN,
        unseen=_JPU_UNSEEN,
    ),
    _Head(
        "PSPNet",
        table=mmseg_deeplab.MAP_PSPNET,
        model="pspnet_resnet{}",
        config="pspnet_r50-d8",
        has=("decode_head.psp_modules.0.1.conv.weight",),
        lacks=(
            _JPU,
            "decode_head.lateral_convs.0.conv.weight",
        ),  # UPerNet has this key.
        options=(_HALF_PIXEL, ("output_stride", 8)),
        unseen=(*_STRIDE_UNSEEN, ("stage_rates", None), _BINS),
        narrow=(_FEATURES, {}),
    ),
    _Head(
        "Semantic FPN",
        table=mmseg_fpn.HEADS,
        model="semantic_fpn_resnet{}",
        config="fpn_r50",
        has=("decode_head.scale_heads.0.0.conv.weight",),
        options=(("output_stride", 32),),
        unseen=(("stride_in", "conv2"),),
    ),
    _Head(
        "UPerNet",
        table=mmseg_upernet.HEADS,
        model="upernet_resnet{}",
        config="upernet_r50",
        has=("decode_head.fpn_bottleneck.conv.weight",),
        options=(("output_stride", 32),),
        unseen=(*_TRUNK_UNSEEN, *_ALIGNED, ("stage_rates", None), _BINS),
        narrow=(
            {},
            {
                "decode_head.in_channels": (64, 128, 256, 512),
                "decode_head.channels": 512,
                "auxiliary_head.channels": 256,
            },
        ),
    ),
    _Head(
        "DeepLabV3",
        table=mmseg_deeplab.MAP_V3,
        model="deeplabv3_resnet{}",
        config="deeplabv3_r50-d8",
        has=("decode_head.aspp_modules.0.conv.weight",),
        lacks=(_JPU, "decode_head.c1_bottleneck.conv.weight"),
        options=(*_ASPP, ("refine", False)),
        aux="auxiliary_head.",
        unseen=(*_STRIDE_UNSEEN, *_RATES),
        narrow=(_FEATURES, {}),
    ),
    _Head(
        "DeepLabV3+",
        table=mmseg_deeplab.MAP_V3PLUS,
        model="deeplabv3plus_resnet{}",
        config="deeplabv3plus_r50-d8",
        has=("decode_head.c1_bottleneck.conv.weight",),
        options=(
            *_ASPP,
            ("separable", "full"),
            ("aux", 256),
            ("dropout", 0.0),
            ("head_dropout", 0.1),
        ),
        unseen=(*_STRIDE_UNSEEN, *_RATES),
        narrow=(
            _FEATURES | {"low": 12, "aux": 64},
            {"decode_head.c1_in_channels": 64, "decode_head.c1_channels": 12},
        ),
    ),
    _Head(
        "OCRNet",
        table=mmseg_ocrnet.HEADS,
        model="ocrnet_resnet101",
        config="ocrnet_r50-d8",
        has=("decode_head.1.object_context_block.bottleneck.conv.weight",),
        options=(_HALF_PIXEL, ("bias", False), ("region_features", 256)),
    ),
    _Head(
        "DANet",
        table=mmseg_danet.MAP,
        model="danet_resnet{}",
        config="danet_r50-d8",
        has=("decode_head.pam.gamma.scale", "decode_head.cam.gamma.scale"),
        options=(_HALF_PIXEL, ("variant", "release")),
    ),
    _Head(
        "Non-local",
        table=mmseg_nonlocal.MAP,
        model="nonlocal_resnet{}",
        config="nonlocal_r50-d8",
        has=("decode_head.nl_block.g.conv.weight", "decode_head.conv_cat.conv.weight"),
        options=(("use_scale", True),),
        unseen=(
            ("mode", "embedded_gaussian"),
            ("use_scale", True),
            *_TRUNK_UNSEEN,
            *_ALIGNED,
        ),
    ),
    _Head(
        "FCN",
        table=mmseg_fcn.MAP,
        model="fcn_resnet{}",
        config="fcn_r50-d8",
        has=("decode_head.convs.1.conv.weight", "decode_head.conv_cat.conv.weight"),
        lacks=tuple(
            f"decode_head.{block}"
            for block in (
                "nl_block.g.conv.weight",
                "dnl_block.g.conv.weight",
                "cca.gamma.scale",
                "gc_block.conv_mask.weight",
                "ema_module.bases",
            )
        ),
        options=(
            ("convs", 2),
            ("join", True),
            ("channel_dropout", True),
            ("output_stride", 8),
        ),
        unseen=(*_STRIDE_UNSEEN, ("stage_rates", None), ("head_rate", 1)),
        narrow=({}, {}),
    ),
)
